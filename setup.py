"""Builds the optional native kernels; everything else about the package stands in pyproject.toml.

Without a compiler the package installs all the same, and torch's own kernels serve.
"""

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# Sums may be reordered (that is what makes a vector of them), but NaN and infinity keep their meaning.
FAST = ["-O3", "-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros", "-fassociative-math"]


class BuildKernels(build_ext):
    """Compile for OpenMP where the compiler knows it, else for one thread.

    OpenMP is compiled in but not linked: its symbols come from the library that torch has loaded, so that both work
    with one pool of threads.
    """

    def build_extension(self, ext: Extension) -> None:
        """Try with OpenMP first."""
        if self.compiler.compiler_type == "msvc":
            return  # torch's kernels serve
        try:
            ext.extra_compile_args = [*FAST, "-fopenmp"]
            super().build_extension(ext)
        except Exception:
            ext.extra_compile_args = FAST
            super().build_extension(ext)


setup(
    ext_modules=[Extension("model.kernels.gemv", ["model/kernels/gemv.c"], optional=True)],
    cmdclass={"build_ext": BuildKernels},
)
