# Keeps the build of oneDNN short, which is a third of all C++ here: a toolchain file for cmake, named by CMAKE_TOOLCHAIN_FILE (packaging/setup).
# Of its primitives CTranslate2 calls matrix products (always there), convolution and reorder. What runs hot is machine code that oneDNN writes at
# run time; the C++ that writes it need not be fast. What each of its files does at the start of a process, used or not, is put in one place
# (with packaging/link.rs), so that it is not 10 MB of code that is read then. Kernels for AMX are of other types than CTranslate2's, those of
# its integer product apart, which stay. Without this file cargo builds all of it, which gives the same answers and takes longer.
if(CMAKE_SOURCE_DIR MATCHES "onednn-src[^/]*/oneDNN$")
  set(ONEDNN_ENABLE_PRIMITIVE "CONVOLUTION;REORDER" CACHE STRING "" FORCE)
  set(ONEDNN_ENABLE_PRIMITIVE_CPU_ISA "AVX512" CACHE STRING "" FORCE)
  set(CMAKE_CXX_FLAGS_RELEASE "-O1 -freorder-functions -DNDEBUG" CACHE STRING "" FORCE)
endif()
