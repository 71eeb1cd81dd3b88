"""Builds the kernels: one limited-API extension each, and Cython's shared helpers once for all of them."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

DEBUG = os.environ.get("SP2LNOB_DEBUG") == "1"  # bounds-checked build: slow, and says where
BUILD = "build/debug" if DEBUG else "build/release"  # apart, or one would pass for the other
KERNELS = Path("src/sp2lnob/_kernels")
SHARED = "sp2lnob._kernels._shared"
LIMITED_API = ("Py_LIMITED_API", "0x030B0000")  # one wheel for CPython 3.11 and all later ones

if os.name == "nt":
    FLAGS = ["/Od" if DEBUG else "/O2", "/fp:precise"]
else:  # no contraction to fused multiply-add: the bits must not depend on the processor
    FLAGS = ["-O1" if DEBUG else "-O3", "-ffp-contract=off", "-g0" if not DEBUG else "-g"]


def extension(name: str, source: Path) -> Extension:
    return Extension(
        name, [source.as_posix()], extra_compile_args=FLAGS, define_macros=[LIMITED_API], py_limited_api=True
    )


kernels = [extension(f"sp2lnob._kernels.{source.stem}", source) for source in sorted(KERNELS.glob("*.pyx"))]
directives = {
    "language_level": 3,
    "embedsignature": True,
    "autotestdict": False,  # kernels hold no doctests; the stubs say all that is there
    "cdivision": True,
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": DEBUG,
}
setup(
    ext_modules=cythonize(
        [*kernels, extension(SHARED, KERNELS / "_shared.c")],
        compiler_directives=directives,
        shared_utility_qualified_name=SHARED,
        build_dir=f"{BUILD}/c",
    ),
    options={"build": {"build_base": BUILD}, "bdist_wheel": {"py_limited_api": "cp311"}},
)
