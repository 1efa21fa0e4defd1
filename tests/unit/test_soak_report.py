import os

import pytest

from tests.support.soak_report import name_of_test


@pytest.mark.parametrize("kind", ["several words (and more)"])
def test_a_row_has_the_whole_name_of_its_test(kind):
    name = name_of_test(os.environ["PYTEST_CURRENT_TEST"])
    assert name == f"test_a_row_has_the_whole_name_of_its_test[{kind}]"
