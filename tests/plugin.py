"""The pytest plugin of this project, loaded by .pytest.ini: conditions and kernel start."""
import nbval.kernel

from tests import conditions

_start_kernel = nbval.kernel.start_new_kernel


def _start_kernel_again_if_need_be(*args, **kwargs):
    # Two kernels that start at once may draw the same network port. It is rare, and the next try succeeds.
    for _ in range(2):
        try:
            return _start_kernel(*args, **kwargs)
        except RuntimeError:
            continue
    return _start_kernel(*args, **kwargs)


def pytest_configure(config):
    conditions.apply()
    nbval.kernel.start_new_kernel = _start_kernel_again_if_need_be
