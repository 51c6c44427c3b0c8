# clang and lld for the MSP430F1611. Debian has no C library and no compiler library for it: runtime.S is both.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR msp430)
set(CMAKE_C_COMPILER clang-19)
set(CMAKE_ASM_COMPILER clang-19)
set(CMAKE_C_COMPILER_TARGET msp430)
set(CMAKE_ASM_COMPILER_TARGET msp430)
set(CMAKE_C_FLAGS_INIT -mmcu=msp430f1611)
set(CMAKE_ASM_FLAGS_INIT -mmcu=msp430f1611)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
# clang's own driver would call msp430-elf-ld.
set(CMAKE_C_LINK_EXECUTABLE "ld.lld-19 <LINK_FLAGS> <OBJECTS> -o <TARGET>")
