#include "image.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_file(struct image *image, const char *path)
{
    FILE *file = fopen(path, "rb");
    long len;

    if (!file)
        return false;
    if (fseek(file, 0, SEEK_END) == 0 && (len = ftell(file)) > 0 && fseek(file, 0, SEEK_SET) == 0 &&
        (image->bytes = malloc((size_t)len)) != NULL)
        image->len = fread(image->bytes, 1, (size_t)len, file);
    fclose(file);
    return true;
}

/* `len` bytes at `offset` into `to`; false if the file is too short. */
static bool take(const struct image *image, size_t offset, void *to, size_t len)
{
    if (offset > image->len || len > image->len - offset)
        return false;
    memcpy(to, image->bytes + offset, len);
    return true;
}

static bool take_header(const struct image *image, Elf32_Ehdr *header)
{
    return take(image, 0, header, sizeof *header) && memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
           header->e_ident[EI_CLASS] == ELFCLASS32 && header->e_ident[EI_DATA] == ELFDATA2LSB &&
           header->e_machine == EM_MSP430;
}

bool image_open(struct image *image, const char *path, const char **reason)
{
    Elf32_Ehdr header;

    *image = (struct image){0};
    if (!read_file(image, path)) {
        *reason = strerror(errno);
        return false;
    }
    *reason = "no ELF image for MSP430";
    return take_header(image, &header);
}

void image_close(struct image *image)
{
    free(image->bytes);
    image->bytes = NULL;
}

static bool has_place(const struct memory *memory, size_t at, size_t len)
{
    if (at >= MEMORY_LEN || len > MEMORY_LEN - at)
        return false;
    for (size_t i = at; i < at + len; i++)
        if (memory->pages[i / MEMORY_PAGE_LEN] < MEMORY_FLASH_PAGE)
            return false;
    return true;
}

/* Where a section is loaded: as far into its segment's load address as it stands in the segment. */
static size_t load_address(const struct image *image, const Elf32_Ehdr *header, const Elf32_Shdr *section)
{
    Elf32_Phdr part;

    for (unsigned i = 0; i < header->e_phnum; i++)
        if (take(image, header->e_phoff + i * sizeof part, &part, sizeof part) && part.p_type == PT_LOAD &&
            section->sh_offset >= part.p_offset && section->sh_offset < part.p_offset + part.p_filesz)
            return part.p_paddr + (section->sh_offset - part.p_offset);
    return section->sh_addr;
}

/* Sections, because a segment may hold the ELF headers as well. */
bool image_load(const struct image *image, struct memory *memory)
{
    Elf32_Ehdr header;
    Elf32_Shdr section;
    size_t at;

    if (!take_header(image, &header))
        return false;
    for (unsigned i = 0; i < header.e_shnum; i++) {
        if (!take(image, header.e_shoff + i * sizeof section, &section, sizeof section))
            return false;
        if ((section.sh_flags & SHF_ALLOC) == 0 || section.sh_type == SHT_NOBITS || section.sh_size == 0)
            continue;
        at = load_address(image, &header, &section);
        if (!has_place(memory, at, section.sh_size) ||
            !take(image, section.sh_offset, memory->bytes + at, section.sh_size))
            return false;
    }
    return true;
}

static bool is_named(const struct image *image, size_t offset, const char *name)
{
    size_t len = strlen(name) + 1;

    return offset <= image->len && len <= image->len - offset &&
           memcmp(image->bytes + offset, name, len) == 0;
}

static int find_in(const struct image *image, const Elf32_Shdr *symbols, const Elf32_Shdr *strings,
                   const char *name)
{
    Elf32_Sym symbol;

    for (size_t at = 0; at + sizeof symbol <= symbols->sh_size; at += sizeof symbol)
        if (take(image, symbols->sh_offset + at, &symbol, sizeof symbol) && symbol.st_shndx != SHN_UNDEF &&
            symbol.st_value < MEMORY_LEN && is_named(image, strings->sh_offset + symbol.st_name, name))
            return (int)symbol.st_value;
    return -1;
}

int image_find(const struct image *image, const char *name)
{
    Elf32_Ehdr header;
    Elf32_Shdr section, strings;
    int value = -1;

    if (!take_header(image, &header))
        return -1;
    for (unsigned i = 0; i < header.e_shnum && value < 0; i++)
        if (take(image, header.e_shoff + i * sizeof section, &section, sizeof section) &&
            section.sh_type == SHT_SYMTAB &&
            take(image, header.e_shoff + section.sh_link * sizeof strings, &strings, sizeof strings))
            value = find_in(image, &section, &strings, name);
    return value;
}
