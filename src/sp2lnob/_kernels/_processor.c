/* What this processor can do, and its operating system lets it do. In C, for it is asked before any other kernel is
loaded, and needs nothing of what Cython brings along. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if defined(_MSC_VER) && defined(_M_X64)
#include <intrin.h>
static int avx2(void) {
    int of[4];
    __cpuid(of, 0);
    if (of[0] < 7) return 0;
    __cpuid(of, 1);
    if (~of[2] & (1 << 27 | 1 << 28) || (_xgetbv(0) & 6) != 6) return 0;  /* OSXSAVE, AVX; both registers saved */
    __cpuidex(of, 7, 0);
    return of[1] >> 5 & 1;
}
#elif defined(__x86_64__)
static int avx2(void) { return __builtin_cpu_supports("avx2") != 0; }
#else
static int avx2(void) { return 0; }
#endif

static PyObject *has_avx2(PyObject *module, PyObject *nothing) { return PyBool_FromLong(avx2()); }

static PyMethodDef functions[] = {
    {"has_avx2", has_avx2, METH_NOARGS, "has_avx2()\n--\n\nReturn whether the kernels built for AVX2 run here."},
    {NULL, NULL, 0, NULL},
};
static PyModuleDef_Slot slots[] = {
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};
static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_processor", "What this processor can do, and its operating system lets it do.", 0,
    functions, slots, NULL, NULL, NULL,
};
PyMODINIT_FUNC PyInit__processor(void) { return PyModuleDef_Init(&module); }
