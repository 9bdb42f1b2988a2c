"""Insitu: open GEMM hardware that can be read, run and measured.

``insitu.hdl`` is the hardware, ``insitu.host`` the driver of boards, ``insitu.sim_models`` the
models in numpy; the command ``insitu`` does what ``make`` does.
"""

__all__: list[str] = []
