# What the images of all boards are made of, besides the board's own files and one AES: `shared`, and where their headers
# are: `headers`.
set(common ${PROJECT_SOURCE_DIR}/common)
set(node ${PROJECT_SOURCE_DIR}/node-firmware)
file(GLOB shared CONFIGURE_DEPENDS ${common}/*.c ${node}/core/*.c ${node}/app/*.c ${node}/port/bare/*.c)
list(REMOVE_ITEM shared ${common}/aes_soft.c)
set(headers ${common} ${node}/core ${node}/app ${node}/port ${node}/port/bare)
