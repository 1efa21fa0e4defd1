"""Tests of tanger; what several of them use is in `tests.support`."""

import pytest

pytest.register_assert_rewrite("tests.support")
