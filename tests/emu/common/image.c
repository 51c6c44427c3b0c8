#include "image.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What lies in the file at `offset`, or NULL. Where it stands in memory is not aligned. */
static const void *at(const struct image *image, size_t offset, size_t len)
{
    return offset <= image->len && len <= image->len - offset ? image->bytes + offset : NULL;
}

static bool take(const struct image *image, size_t offset, void *to, size_t len)
{
    const void *from = at(image, offset, len);

    if (from != NULL)
        memcpy(to, from, len);
    return from != NULL;
}

static bool read_file(struct image *image, const char *path)
{
    FILE *file = fopen(path, "rb");
    long len = -1;

    if (file == NULL)
        return false;
    if (fseek(file, 0, SEEK_END) == 0 && (len = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0 &&
        (image->bytes = malloc((size_t)len + 1)) != NULL)
        image->len = fread(image->bytes, 1, (size_t)len, file);
    fclose(file);
    return len >= 0 && image->bytes != NULL;
}

bool image_open(struct image *image, const char *path, uint16_t machine, const char **reason)
{
    Elf32_Ehdr header;

    *image = (struct image){0};
    if (!read_file(image, path)) {
        *reason = strerror(errno);
        return false;
    }
    *reason = "no ELF executable for this processor";
    return take(image, 0, &header, sizeof header) && memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
           header.e_ident[EI_CLASS] == ELFCLASS32 && header.e_ident[EI_DATA] == ELFDATA2LSB &&
           header.e_machine == machine && header.e_type == ET_EXEC;
}

void image_close(struct image *image)
{
    free(image->bytes);
    *image = (struct image){0};
}

static unsigned section_count(const struct image *image)
{
    Elf32_Ehdr header;

    return take(image, 0, &header, sizeof header) ? header.e_shnum : 0;
}

/* Section number `i`; false if the file ends before. */
static bool take_section(const struct image *image, unsigned i, Elf32_Shdr *section)
{
    Elf32_Ehdr header;

    return take(image, 0, &header, sizeof header) &&
           take(image, header.e_shoff + i * sizeof *section, section, sizeof *section);
}

/* Where a section is loaded: as far into its segment's load address as it stands in the segment. */
static uint32_t load_address(const struct image *image, const Elf32_Shdr *section)
{
    Elf32_Ehdr header;
    Elf32_Phdr part;

    take(image, 0, &header, sizeof header);
    for (unsigned i = 0; i < header.e_phnum; i++)
        if (take(image, header.e_phoff + i * sizeof part, &part, sizeof part) && part.p_type == PT_LOAD &&
            section->sh_offset >= part.p_offset && section->sh_offset - part.p_offset < part.p_filesz)
            return part.p_paddr + (section->sh_offset - part.p_offset);
    return section->sh_addr;
}

/* Sections, because a segment may hold the ELF headers as well. */
bool image_load(const struct image *image, image_place_function *place, void *memory)
{
    Elf32_Shdr section;

    for (unsigned i = 0; i < section_count(image); i++) {
        uint8_t *to;

        if (!take_section(image, i, &section))
            return false;
        if ((section.sh_flags & SHF_ALLOC) == 0 || section.sh_type == SHT_NOBITS || section.sh_size == 0)
            continue;
        to = place(memory, load_address(image, &section), section.sh_size);
        if (to == NULL || !take(image, section.sh_offset, to, section.sh_size))
            return false;
    }
    return true;
}

static bool find_in(const struct image *image, const Elf32_Shdr *symbols, const Elf32_Shdr *names,
                    const char *name, uint32_t *value)
{
    size_t len = strlen(name) + 1;
    Elf32_Sym symbol;

    for (size_t i = 0; i < symbols->sh_size / sizeof symbol; i++) {
        const char *its = NULL;

        if (take(image, symbols->sh_offset + i * sizeof symbol, &symbol, sizeof symbol) &&
            symbol.st_shndx != SHN_UNDEF)
            its = at(image, (size_t)names->sh_offset + symbol.st_name, len);
        if (its != NULL && memcmp(its, name, len) == 0) {
            *value = ELF32_ST_TYPE(symbol.st_info) == STT_FUNC ? symbol.st_value & ~1u : symbol.st_value;
            return true;
        }
    }
    return false;
}

bool image_find(const struct image *image, const char *name, uint32_t *value)
{
    Elf32_Shdr section, names;

    for (unsigned i = 0; i < section_count(image); i++)
        if (take_section(image, i, &section) && section.sh_type == SHT_SYMTAB &&
            take_section(image, section.sh_link, &names))
            return find_in(image, &section, &names, name, value);
    return false;
}
