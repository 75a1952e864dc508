import sys
from pathlib import Path

# So that the tests of this folder can import the tiny run they share.
sys.path.insert(0, str(Path(__file__).parent))
