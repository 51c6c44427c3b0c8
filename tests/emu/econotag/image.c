#include "image.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct image {
    uint8_t *bytes;
    size_t len;
};

/* What lies in the file at `offset`, or NULL. */
static const void *at(const struct image *image, size_t offset, size_t len)
{
    return offset <= image->len && len <= image->len - offset ? image->bytes + offset : NULL;
}

static const Elf32_Ehdr *header(const struct image *image)
{
    const Elf32_Ehdr *h = at(image, 0, sizeof *h);

    if (h == NULL || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 || h->e_ident[EI_CLASS] != ELFCLASS32 ||
        h->e_ident[EI_DATA] != ELFDATA2LSB || h->e_machine != EM_ARM || h->e_type != ET_EXEC)
        return NULL;
    return h;
}

static bool read_all(struct image *image, FILE *file)
{
    long len;

    if (fseek(file, 0, SEEK_END) != 0 || (len = ftell(file)) < 0 || fseek(file, 0, SEEK_SET) != 0)
        return false;
    image->len = (size_t)len;
    image->bytes = malloc(image->len + 1);
    return image->bytes != NULL && fread(image->bytes, 1, image->len, file) == image->len;
}

struct image *image_open(const char *path)
{
    struct image *image = calloc(1, sizeof *image);
    FILE *file = fopen(path, "rb");
    bool is_good = image != NULL && file != NULL && read_all(image, file);

    if (file != NULL)
        fclose(file);
    if (!is_good) {
        perror(path);
    } else if (header(image) == NULL) {
        fprintf(stderr, "%s: not an ELF executable for ARM\n", path);
        is_good = false;
    }
    if (!is_good) {
        image_close(image);
        return NULL;
    }
    return image;
}

void image_close(struct image *image)
{
    if (image != NULL)
        free(image->bytes);
    free(image);
}

static bool segment_load(const struct image *image, const Elf32_Phdr *p, uint32_t base, uint8_t *memory,
                         uint32_t size)
{
    const void *from = at(image, p->p_offset, p->p_filesz);

    if (p->p_type != PT_LOAD || p->p_filesz == 0)
        return true;
    if (from == NULL || p->p_paddr < base || p->p_paddr - base > size ||
        p->p_filesz > size - (p->p_paddr - base))
        return false;
    memcpy(memory + (p->p_paddr - base), from, p->p_filesz);
    return true;
}

bool image_load(const struct image *image, uint32_t base, uint8_t *memory, uint32_t size)
{
    const Elf32_Ehdr *h = header(image);

    for (unsigned i = 0; i < h->e_phnum; i++) {
        const Elf32_Phdr *p = at(image, h->e_phoff + (size_t)i * h->e_phentsize, sizeof *p);
        if (p == NULL || !segment_load(image, p, base, memory, size))
            return false;
    }
    return true;
}

static const Elf32_Shdr *section(const struct image *image, unsigned number)
{
    const Elf32_Ehdr *h = header(image);

    return at(image, h->e_shoff + (size_t)number * h->e_shentsize, sizeof(Elf32_Shdr));
}

static bool table_find(const struct image *image, const Elf32_Shdr *table, const char *name, uint32_t *value)
{
    const Elf32_Shdr *names = section(image, table->sh_link);

    for (size_t i = 0; names != NULL && i < table->sh_size / sizeof(Elf32_Sym); i++) {
        const Elf32_Sym *s = at(image, table->sh_offset + i * sizeof *s, sizeof *s);
        const char *its = s != NULL ? at(image, names->sh_offset + s->st_name, strlen(name) + 1) : NULL;
        if (its != NULL && memcmp(its, name, strlen(name) + 1) == 0) {
            *value = ELF32_ST_TYPE(s->st_info) == STT_FUNC ? s->st_value & ~1u : s->st_value;
            return true;
        }
    }
    return false;
}

bool image_symbol(const struct image *image, const char *name, uint32_t *value)
{
    for (unsigned i = 0; i < header(image)->e_shnum; i++) {
        const Elf32_Shdr *s = section(image, i);
        if (s != NULL && s->sh_type == SHT_SYMTAB)
            return table_find(image, s, name, value);
    }
    return false;
}
