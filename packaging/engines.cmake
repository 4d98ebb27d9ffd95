# How the C++ of oneDNN and CTranslate2 is built, for less of it: a toolchain file for cmake, named by CMAKE_TOOLCHAIN_FILE (packaging/setup). Without it
# cargo builds all of both, which gives the same texts, takes longer and is larger.
if(CMAKE_SOURCE_DIR MATCHES "onednn-src[^/]*/oneDNN$|ct2rs[^/]*/CTranslate2$")
  # What was built with: packaging/clean-engines compares.
  configure_file("${CMAKE_CURRENT_LIST_FILE}" "${CMAKE_BINARY_DIR}/engines.cmake" COPYONLY)
endif()
if(CMAKE_SOURCE_DIR MATCHES "onednn-src[^/]*/oneDNN$")
  # Matrix products are always there; of the primitives none is needed, and one must be named: the smallest. What runs hot is machine code that
  # oneDNN writes at run time; the C++ that writes it need not be fast. What each of its files does at the start of a process, used or not, is put
  # in one place (with build.rs).
  set(ONEDNN_ENABLE_PRIMITIVE "SHUFFLE" CACHE STRING "" FORCE)
  set(ONEDNN_ENABLE_PRIMITIVE_CPU_ISA "AVX512" CACHE STRING "" FORCE)
  set(CMAKE_CXX_FLAGS_RELEASE "-O1 -freorder-functions -DNDEBUG" CACHE STRING "" FORCE)
endif()
if(CMAKE_SOURCE_DIR MATCHES "ct2rs[^/]*/CTranslate2$")
  # The encoder's two convolutions as matrix products, CTranslate2's own way: oneDNN's convolution asks a hundred kinds of kernels for each new length of
  # sound whether they fit, writes one of them, and keeps it.
  cmake_language(DEFER CALL set_source_files_properties src/ops/conv1d_cpu.cc PROPERTIES COMPILE_OPTIONS -UCT2_WITH_DNNL)
endif()
