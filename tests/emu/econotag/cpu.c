#include "cpu.h"

#include "cycles.h"
#include "fault.h"
#include "power.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicorn/unicorn.h>

enum {
    ROM_SIZE = 0x1000,
    VECTORS = 8,
    VECTOR_UNDEFINED = 0x04,
    VECTOR_ABORT = 0x10,
    VECTOR_IRQ = 0x18,
    VECTOR_FIQ = 0x1C
};
enum { CPSR_MODE = 0x1F, CPSR_THUMB = 0x20, CPSR_NO_FIQ = 0x40, CPSR_NO_IRQ = 0x80 };
enum { MODE_FIQ = 0x11, MODE_IRQ = 0x12, MODE_SVC = 0x13, MODE_ABORT = 0x17, MODE_UNDEFINED = 0x1B };

#define LDR_PC_FROM_TABLE 0xE59FF018u /* ldr pc, [pc, #24]: eight words further on */
#define NEVER 0xFFFFFFFEu             /* an address that no code comes to */

struct cpu {
    uc_engine *uc;
    struct machine *machine;
    const struct image *image;
    struct measure *measure;
    cpu_wait_function *wait;
    void *context; /* of `wait` */
    uint8_t ram[CPU_RAM_SIZE];
    struct block_cost costs[CPU_RAM_SIZE / 2]; /* by where a block begins */
    struct cpu_counts counts;
    uint64_t until;
    uint64_t next_event;
    uint32_t falls_through_at; /* where the block before goes on if its branch is not taken; 0: it has no
                                  condition */
    uint32_t stopped_before;   /* the block that was not begun */
    uint32_t foreign_at;       /* the instruction that is to be refused next; NEVER: none */
};

/* For builds with AddressSanitizer: Unicorn does not free all that it keeps about memory with code. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libunicorn\n";
}

static uint32_t reg(const struct cpu *c, int number)
{
    uint32_t value = 0;

    uc_reg_read(c->uc, number, &value);
    return value;
}

static void set_reg(struct cpu *c, int number, uint32_t value)
{
    uc_reg_write(c->uc, number, &value);
}

/* The interrupt that the core would take now: its vector, or 0. */
static uint32_t interrupt(const struct cpu *c)
{
    bool irq = itc_irq(&c->machine->itc);
    bool fiq = itc_fiq(&c->machine->itc);
    uint32_t cpsr = irq || fiq ? reg(c, UC_ARM_REG_CPSR) : 0;

    if (fiq && (cpsr & CPSR_NO_FIQ) == 0)
        return VECTOR_FIQ;
    return irq && (cpsr & CPSR_NO_IRQ) == 0 ? VECTOR_IRQ : 0;
}

static bool has_to_stop(const struct cpu *c)
{
    const struct machine *m = c->machine;

    return m->now >= c->until || m->crm.wanted != CRM_RESET_NONE || m->flash.is_cut || interrupt(c) != 0;
}

static void spend(struct cpu *c, uint64_t cycles)
{
    c->counts.cycles += cycles;
    if (c->machine->now + cycles < c->next_event) {
        c->machine->now += cycles;
        return;
    }
    machine_advance(c->machine, c->machine->now + cycles);
    c->next_event = machine_next_event(c->machine);
}

static const struct block_cost *cost_of(struct cpu *c, uint32_t address, uint32_t size)
{
    struct block_cost *cost = &c->costs[(address - CPU_RAM_BASE) / 2];

    if (cost->size != size)
        *cost = cycles_of_block(c->ram + (address - CPU_RAM_BASE), size,
                                (reg(c, UC_ARM_REG_CPSR) & CPSR_THUMB) != 0);
    return cost;
}

static struct measure_place place_at(const struct cpu *c, uint32_t address)
{
    return (struct measure_place){.address = address, .stack = reg(c, UC_ARM_REG_SP)};
}

static void on_block(uc_engine *uc, uint64_t address, uint32_t size, void *context)
{
    struct cpu *c = context;
    const struct block_cost *cost;
    bool is_branched_to = c->falls_through_at != 0 && address != c->falls_through_at;

    if (address - CPU_RAM_BASE >= CPU_RAM_SIZE) { /* a vector of the ROM */
        spend(c, CYCLES_LOAD_PC);
        c->counts.instructions++;
        return;
    }
    cost = cost_of(c, (uint32_t)address, size);
    if (has_to_stop(c) || cost->is_foreign) {
        if (cost->is_foreign)
            c->foreign_at = (uint32_t)address + cost->foreign_at;
        c->stopped_before = (uint32_t)address;
        uc_emu_stop(uc);
        return;
    }
    if (c->measure->function_count > 0 || c->measure->is_in_interrupt)
        measure_step(c->measure, place_at(c, (uint32_t)address), place_at(c, reg(c, UC_ARM_REG_LR) & ~1u),
                     c->counts.cycles);
    spend(c, cost->cycles + (is_branched_to ? CYCLES_BRANCH - CYCLES_NOT_TAKEN : 0));
    c->counts.instructions += cost->instructions;
    c->falls_through_at = cost->may_fall_through ? (uint32_t)address + size : 0;
}

static uint64_t on_read(uc_engine *uc, uint64_t offset, unsigned size, void *context)
{
    struct cpu *c = context;
    uint64_t value = machine_read(c->machine, MACHINE_DEVICES_BASE + (uint32_t)offset, size);

    (void)uc;
    c->next_event = machine_next_event(c->machine);
    return value;
}

static void on_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *context)
{
    struct cpu *c = context;

    (void)uc;
    machine_write(c->machine, MACHINE_DEVICES_BASE + (uint32_t)offset, size, (uint32_t)value);
    if (c->machine->crm.is_waiting)
        c->wait(c->context);
    c->next_event = machine_next_event(c->machine);
}

/* The mask ROM, as far as it concerns an image that runs: exceptions go to the same place in RAM. */
static bool rom_make(struct cpu *c)
{
    uint32_t rom[2 * VECTORS];

    for (uint32_t i = 0; i < VECTORS; i++) {
        rom[i] = LDR_PC_FROM_TABLE;
        rom[VECTORS + i] = CPU_RAM_BASE + 4 * i;
    }
    return uc_mem_map(c->uc, 0, ROM_SIZE, UC_PROT_READ | UC_PROT_EXEC) == UC_ERR_OK &&
           uc_mem_write(c->uc, 0, rom, sizeof rom) == UC_ERR_OK;
}

static bool memory_make(struct cpu *c)
{
    uc_hook hook;
    size_t devices = MACHINE_ITC_BASE + MACHINE_ITC_SIZE - MACHINE_DEVICES_BASE;

    return rom_make(c) &&
           uc_mem_map_ptr(c->uc, CPU_RAM_BASE, CPU_RAM_SIZE, UC_PROT_ALL, c->ram) == UC_ERR_OK &&
           uc_mmio_map(c->uc, MACHINE_DEVICES_BASE, devices, on_read, c, on_write, c) == UC_ERR_OK &&
           uc_hook_add(c->uc, &hook, UC_HOOK_BLOCK, (void *)on_block, c, 1, 0) == UC_ERR_OK;
}

/* An image_place_function: images go to RAM. */
static uint8_t *ram_place(void *context, uint32_t address, size_t len)
{
    struct cpu *c = context;

    if (address < CPU_RAM_BASE || len > CPU_RAM_SIZE || address - CPU_RAM_BASE > CPU_RAM_SIZE - len)
        return NULL;
    return c->ram + (address - CPU_RAM_BASE);
}

struct cpu *cpu_create(struct machine *machine, const struct image *image, struct measure *measure,
                       uint64_t seed, cpu_wait_function *wait, void *context)
{
    struct cpu *c = calloc(1, sizeof *c);

    if (c == NULL) {
        perror("emu-econotag");
        return NULL;
    }
    c->machine = machine;
    c->image = image;
    c->measure = measure;
    c->wait = wait;
    c->context = context;
    power_fill_ram(c->ram, sizeof c->ram, seed);
    if (!image_load(image, ram_place, c)) {
        fputs("emu-econotag: the image does not lie in RAM\n", stderr);
        free(c);
        return NULL;
    }
    if (uc_open(UC_ARCH_ARM, UC_MODE_ARM, &c->uc) != UC_ERR_OK ||
        uc_ctl_set_cpu_model(c->uc, UC_CPU_ARM_926) != UC_ERR_OK || !memory_make(c)) {
        fputs("emu-econotag: Unicorn does not start\n", stderr);
        cpu_destroy(c);
        return NULL;
    }
    cpu_reset(c);
    return c;
}

void cpu_destroy(struct cpu *c)
{
    if (c == NULL)
        return;
    uc_close(c->uc);
    free(c);
}

void cpu_reset(struct cpu *c)
{
    image_load(c->image, ram_place, c);
    set_reg(c, UC_ARM_REG_CPSR, MODE_SVC | CPSR_NO_IRQ | CPSR_NO_FIQ);
    set_reg(c, UC_ARM_REG_PC, CPU_RAM_BASE);
    measure_reset(c->measure);
    c->next_event = machine_next_event(c->machine);
    c->falls_through_at = 0;
    c->foreign_at = NEVER;
}

static void enter(struct cpu *c, uint32_t vector, uint32_t mode, uint32_t masks, uint32_t link)
{
    uint32_t cpsr = reg(c, UC_ARM_REG_CPSR);

    set_reg(c, UC_ARM_REG_CPSR, (cpsr & ~(uint32_t)(CPSR_MODE | CPSR_THUMB)) | mode | masks);
    set_reg(c, UC_ARM_REG_SPSR, cpsr);
    set_reg(c, UC_ARM_REG_LR, link);
    set_reg(c, UC_ARM_REG_PC, vector);
    spend(c, CYCLES_EXCEPTION);
    c->falls_through_at = 0;
}

static void take_interrupt(struct cpu *c, uint32_t vector)
{
    bool fast = vector == VECTOR_FIQ;

    c->counts.interrupts++;
    measure_interrupt(c->measure, place_at(c, reg(c, UC_ARM_REG_PC)), c->counts.cycles);
    enter(c, vector, fast ? MODE_FIQ : MODE_IRQ, fast ? CPSR_NO_IRQ | CPSR_NO_FIQ : CPSR_NO_IRQ,
          reg(c, UC_ARM_REG_PC) + 4);
}

static void take_undefined(struct cpu *c)
{
    uint32_t width = (reg(c, UC_ARM_REG_CPSR) & CPSR_THUMB) != 0 ? 2 : 4;

    c->counts.undefined++;
    enter(c, VECTOR_UNDEFINED, MODE_UNDEFINED, CPSR_NO_IRQ, reg(c, UC_ARM_REG_PC) + width);
}

/* Lets Unicorn run until on_block stops it or something is wrong with the code. */
static void run_blocks(struct cpu *c)
{
    uint32_t thumb = (reg(c, UC_ARM_REG_CPSR) & CPSR_THUMB) != 0 ? 1 : 0;
    uint32_t pc = reg(c, UC_ARM_REG_PC);
    uint32_t end = pc == c->stopped_before ? c->foreign_at : NEVER; /* unless an interrupt has come between */
    uc_err error;

    if (end == pc) {
        c->foreign_at = NEVER;
        take_undefined(c);
        return;
    }
    if (end != NEVER) /* the block that holds it has been translated as a whole */
        uc_ctl_remove_cache(c->uc, pc, end);
    c->foreign_at = NEVER;
    error = uc_emu_start(c->uc, pc | thumb, end, 0, 0);
    pc = reg(c, UC_ARM_REG_PC);
    switch (error) {
    case UC_ERR_OK:
        if (pc == end)
            c->foreign_at = c->stopped_before = end;
        else if (pc != c->stopped_before)
            emu_fault("a stop at 0x%08x instead of 0x%08x", (unsigned)pc, (unsigned)c->stopped_before);
        break;
    case UC_ERR_INSN_INVALID:
        take_undefined(c);
        break;
    case UC_ERR_READ_UNMAPPED:
    case UC_ERR_WRITE_UNMAPPED:
    case UC_ERR_FETCH_UNMAPPED:
    case UC_ERR_WRITE_PROT:
        c->counts.aborts++;
        enter(c, VECTOR_ABORT, MODE_ABORT, CPSR_NO_IRQ, pc + 8);
        break;
    default:
        emu_fault("%s at 0x%08x", uc_strerror(error), (unsigned)pc);
    }
}

void cpu_run(struct cpu *c, uint64_t until)
{
    c->until = until;
    c->next_event = machine_next_event(c->machine);
    while (c->machine->now < until && c->machine->crm.wanted == CRM_RESET_NONE && !c->machine->flash.is_cut) {
        uint32_t vector = interrupt(c);
        if (vector != 0)
            take_interrupt(c, vector);
        run_blocks(c);
    }
}

struct cpu_counts cpu_counts(const struct cpu *c)
{
    return c->counts;
}

bool cpu_peek(const struct cpu *c, uint32_t address, void *to, uint32_t len)
{
    if (address < CPU_RAM_BASE || address - CPU_RAM_BASE > CPU_RAM_SIZE ||
        len > CPU_RAM_SIZE - (address - CPU_RAM_BASE))
        return false;
    memcpy(to, c->ram + (address - CPU_RAM_BASE), len);
    return true;
}
