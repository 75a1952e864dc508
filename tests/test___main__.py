import subprocess
import sys


def test_the_package_is_the_command():
    ran = subprocess.run(
        [sys.executable, "-m", "multimodal", "nonsense"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert "Unknown command 'nonsense'" in ran.stderr
