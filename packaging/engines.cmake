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
  # No primitive's list names the files of the others any more, so nothing of them would be linked: they are not compiled. That is two thirds of oneDNN's
  # files. A file that is missing here shows when lineside is linked.
  function(lineside_compile_only target wanted)
    get_target_property(sources ${target} SOURCES)
    foreach(source IN LISTS sources)
      if(source MATCHES "[.](cpp|c|S)$" AND NOT source MATCHES "${wanted}")
        set_property(SOURCE "${source}" TARGET_DIRECTORY ${target} PROPERTY HEADER_FILE_ONLY ON)
      endif()
    endforeach()
  endfunction()
  cmake_language(DEFER CALL lineside_compile_only dnnl_cpu_x64
    "/cpu/x64/(gemm|shuffle|utils)/|/x64/(cpu_isa_traits|jit_generator|jit_uni_convert_xf16|platform)[.]cpp$")
  cmake_language(DEFER CALL lineside_compile_only dnnl_cpu
    "/cpu/(gemm|reorder|jit_utils)/|/cpu/matmul/cpu_matmul_list|/cpu/(cpu_|platform|ref_shuffle|primitive_attr|scale_utils|zero_point_utils|bfloat16|float|simple_gemm)")
endif()
if(CMAKE_SOURCE_DIR MATCHES "ct2rs[^/]*/CTranslate2$")
  # The encoder's two convolutions as matrix products, CTranslate2's own way: oneDNN's convolution asks a hundred kinds of kernels for each new length of
  # sound whether they fit, writes one of them, and keeps it.
  cmake_language(DEFER CALL set_source_files_properties src/ops/conv1d_cpu.cc PROPERTIES COMPILE_OPTIONS -UCT2_WITH_DNNL)
endif()
