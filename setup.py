"""Builds the kernels: one limited-API extension each, and Cython's shared helpers once for all of them.

Those that gain by it are built once more for processors with AVX2, from the same C, into a folder that `_kernels` looks
into first where the processor has it. The bits are the same: `make bits`. Half of the wheel is kernels, and it is to
stay below a megabyte: what is not told apart by a clock is built small, and what a kernel does is said in comments,
since docstrings would be part of it, those of `WIDE` twice.

Other builds are asked for by environment variables: SP2LNOB_DEBUG checks every index, SP2LNOB_SANITIZE has gcc or clang
watch memory and undefined behavior, SP2LNOB_TRACE tells `coverage` which lines ran. SP2LNOB_NATIVE does without the
limited API, as the free-threaded CPython must: it has none yet.
"""

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

DEBUG = os.environ.get("SP2LNOB_DEBUG") == "1"  # bounds-checked build: slow, and says where
SANITIZE = os.environ.get("SP2LNOB_SANITIZE") == "1"
TRACE = os.environ.get("SP2LNOB_TRACE") == "1"
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
NATIVE = os.environ.get("SP2LNOB_NATIVE") == "1" or TRACE or FREE_THREADED  # for one version of CPython
KIND = "debug" if DEBUG else "sanitize" if SANITIZE else "trace" if TRACE else "native" if NATIVE else "release"
BUILD = f"build/{KIND}"  # apart, or one would pass for the other
KERNELS = Path("src/sp2lnob/_kernels")
SHARED = "sp2lnob._kernels._shared"
LIMITED_API = ("Py_LIMITED_API", "0x030B0000")  # one wheel for CPython 3.11 and all later ones
# A fifth to three fifths quicker with AVX2.
WIDE = () if DEBUG or TRACE else ("_classes", "_logit", "_ordered", "_totals")
# Or up to half as quick.
UNROLLED = ("_classes", "_dissimilarity", "_payments", "_ordered", "_random", "_replicates", "_totals")
X86 = sysconfig.get_platform().endswith(("x86_64", "amd64"))
SMALL = ("_processor", "_shared", *(WIDE if X86 else []))  # in no loop; and what few processors will run

if os.name == "nt":  # which contracts nothing since Visual Studio 2022
    FLAGS, AVX2 = ["/fp:precise"], "/arch:AVX2"
else:  # no contraction to fused multiply-add: the bits must not depend on the processor; and nobody looks at traps
    FLAGS, AVX2 = ["-ffp-contract=off", "-fno-trapping-math", "-g" if DEBUG or SANITIZE else "-g0"], "-mavx2"
    FLAGS += ["-finline-limit=60"]  # helpers of Cython are not written out for every argument; ours still are
LINKED = []
MACROS = [] if NATIVE else [LIMITED_API]
if SANITIZE:  # whatever is found ends the process: nothing is printed and passed over
    WATCH = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    FLAGS, LINKED = [*FLAGS, *WATCH, "-fno-omit-frame-pointer"], WATCH
elif TRACE:  # sys.settrace, which coverage's plugin listens to: Cython's hooks for sys.monitoring do not reach it
    MACROS = [("CYTHON_TRACE", "1"), ("CYTHON_TRACE_NOGIL", "1"), ("CYTHON_USE_SYS_MONITORING", "0")]
elif sys.platform.startswith("linux") and not DEBUG:  # no names, tables and padding that only a debugger reads
    FLAGS += ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-ffunction-sections", "-fno-plt"]
    FLAGS += ["-fvisibility=hidden"]
    LINKED = ["-Wl,-s", "-Wl,--gc-sections", "-Wl,-z,noseparate-code", "-Wl,--build-id=none"]


def effort(name: str, wide: bool) -> str:
    """Return how far the compiler is to go for speed."""
    if os.name == "nt":
        return "/Od" if DEBUG else "/O2"
    if DEBUG or SANITIZE or TRACE:
        return "-O1"
    if name in SMALL and not wide:
        return "-Os"
    return "-O3" if name.removeprefix("_avx2.") in UNROLLED else "-O2"


def extension(name: str, source: Path, *flags: str) -> Extension:
    return Extension(
        f"sp2lnob._kernels.{name}",
        [source.as_posix()],
        extra_compile_args=[effort(name, bool(flags)), *FLAGS, *flags],
        extra_link_args=LINKED,
        define_macros=MACROS,
        py_limited_api=not NATIVE,
    )


directives = {
    "language_level": 3,
    "embedsignature": True,
    "embedsignature.format": "clinic",  # as `inspect` reads it
    "binding": False,  # functions of C, which are smaller, and no methods
    "autotestdict": False,  # kernels hold no doctests; the stubs say all that is there
    "cdivision": True,
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": DEBUG,
    "freethreading_compatible": True,  # what a module holds is written when it is imported, and only read from then on
    "linetrace": TRACE,
}
kernels = [extension(source.stem, source) for source in sorted(KERNELS.glob("*.pyx"))]
extensions = cythonize(
    [*kernels, extension("_shared", KERNELS / "_shared.c"), extension("_processor", KERNELS / "_processor.c")],
    compiler_directives=directives,
    shared_utility_qualified_name=SHARED,
    build_dir=None if TRACE else f"{BUILD}/c",  # the plugin looks for it beside the source
)
if X86:
    for folder in (KERNELS / "_avx2", Path(BUILD, "c/avx2")):
        folder.mkdir(parents=True, exist_ok=True)
    for name in WIDE:  # copies, or their object files would take each other's place
        copy = shutil.copy2(Path(BUILD, "c", KERNELS, f"{name}.c"), Path(BUILD, "c/avx2"))
        extensions.append(extension(f"_avx2.{name}", Path(copy), AVX2))
setup(
    ext_modules=extensions,
    options={
        "build": {"build_base": BUILD},
        "build_ext": {"parallel": os.cpu_count()},
        "bdist_wheel": {} if NATIVE else {"py_limited_api": "cp311"},
    },
)
