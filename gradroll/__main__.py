"""`python -m gradroll`."""

import sys

from gradroll.cli import main

sys.exit(main())
