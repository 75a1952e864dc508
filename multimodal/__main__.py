"""``python -m multimodal`` is the command `multimodal`."""

import sys

from multimodal.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
