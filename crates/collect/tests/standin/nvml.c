/* A stand-in for NVIDIA's management library: the functions that smoltrace and other tools call, with NVML's
 * C interface, over devices that a control file describes. For tests and comparisons without a GPU.
 *
 * The file is CONTROL (a compile-time string), else the environment variable NVML_STANDIN. It is read again at
 * every call when compiled with REREAD, else once. Lines:
 *
 *   init CODE                      what nvmlInit returns (0: success)
 *   count N                        GPUs
 *   start NS                       CLOCK_MONOTONIC ns that profiles count from (default: the first call)
 *   gpu I KEY VALUE ...            KEY: energy (mJ) power (mW) util temperature used total mig limit handle;
 *                                  a negative value is the return code of that call, with its sign changed
 *   profile I T W T W ...          power of W watts from T seconds on; energy is its exact integral
 *   reset I T                      the energy counter starts again at 0 at T seconds
 *   fail I FROM TO CODE            energy and power cannot be read meanwhile
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3 };
enum { GPUS = 16, STEPS = 64 };

typedef int status;
typedef struct { unsigned gpu, memory; } utilization;
typedef struct { unsigned long long total, free, used; } memory_v1;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } memory_v2;

typedef struct {
    long long energy, power, util, temperature, used, total, mig, limit, handle;
    int steps, has_reset, has_fail, fail_code;
    double at[STEPS], watts[STEPS], reset, fail_from, fail_to;
} gpu;

static struct { int loaded, init, count; long long start; gpu gpus[GPUS]; } box;

static long long now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void set(gpu *g, const char *key, long long value) {
    if (!strcmp(key, "energy")) g->energy = value;
    else if (!strcmp(key, "power")) g->power = value;
    else if (!strcmp(key, "util")) g->util = value;
    else if (!strcmp(key, "temperature")) g->temperature = value;
    else if (!strcmp(key, "used")) g->used = value;
    else if (!strcmp(key, "total")) g->total = value;
    else if (!strcmp(key, "mig")) g->mig = value;
    else if (!strcmp(key, "limit")) g->limit = value;
    else if (!strcmp(key, "handle")) g->handle = value;
}

static void load(void) {
    const char *path;
    char line[4096];
#ifndef REREAD
    if (box.loaded) return;
#endif
#ifdef CONTROL
    path = CONTROL;
#else
    path = getenv("NVML_STANDIN");
#endif
    FILE *file = path ? fopen(path, "r") : NULL;
    long long start = box.start ? box.start : now_ns();
    memset(&box, 0, sizeof box);
    box.loaded = 1;
    box.start = start;
    for (int i = 0; i < GPUS; i++) {
        gpu fresh = {.energy = -NOT_SUPPORTED, .power = -NOT_SUPPORTED, .util = -NOT_SUPPORTED,
                     .temperature = -NOT_SUPPORTED, .used = -NOT_SUPPORTED, .total = 80LL << 30,
                     .mig = -NOT_SUPPORTED, .limit = -NOT_SUPPORTED};
        box.gpus[i] = fresh;
    }
    if (!file) return;
    while (fgets(line, sizeof line, file)) {
        char *rest, *word = strtok_r(line, " \n", &rest);
        char *second = word ? strtok_r(NULL, " \n", &rest) : NULL;
        if (!second) continue;
        if (!strcmp(word, "init")) { box.init = atoi(second); continue; }
        if (!strcmp(word, "count")) { box.count = atoi(second); continue; }
        if (!strcmp(word, "start")) { box.start = atoll(second); continue; }
        int index = atoi(second);
        if (index < 0 || index >= GPUS) continue;
        gpu *g = &box.gpus[index];
        char *a, *b;
        while ((a = strtok_r(NULL, " \n", &rest))) {
            if (!strcmp(word, "reset")) { g->has_reset = 1; g->reset = atof(a); continue; }
            if (!(b = strtok_r(NULL, " \n", &rest))) break;
            if (!strcmp(word, "gpu")) set(g, a, atoll(b));
            if (!strcmp(word, "profile") && g->steps < STEPS) {
                g->at[g->steps] = atof(a);
                g->watts[g->steps++] = atof(b);
            }
            if (!strcmp(word, "fail")) {
                char *code = strtok_r(NULL, " \n", &rest);
                g->has_fail = 1;
                g->fail_from = atof(a);
                g->fail_to = atof(b);
                g->fail_code = code ? atoi(code) : NOT_SUPPORTED;
            }
        }
    }
    fclose(file);
}

static double seconds(void) { return (now_ns() - box.start) / 1e9; }

static double watts_at(const gpu *g, double t) {
    double watts = 0;
    for (int i = 0; i < g->steps && g->at[i] <= t; i++) watts = g->watts[i];
    return watts;
}

static double joules_until(const gpu *g, double t) {
    double joules = 0;
    for (int i = 0; i < g->steps && g->at[i] < t; i++) {
        double end = i + 1 < g->steps && g->at[i + 1] < t ? g->at[i + 1] : t;
        joules += g->watts[i] * (end - g->at[i]);
    }
    return joules;
}

static status number(long long value, unsigned *out) {
    if (value < 0) return (status)-value;
    *out = (unsigned)value;
    return SUCCESS;
}

static int failing(const gpu *g) {
    double t = seconds();
    return g->has_fail && t >= g->fail_from && t < g->fail_to ? g->fail_code : SUCCESS;
}

static gpu *of(void *handle) { return (gpu *)handle; }

status nvmlInit_v2(void) { load(); return box.init; }
status nvmlInitWithFlags(unsigned flags) { (void)flags; return nvmlInit_v2(); }
status nvmlShutdown(void) { return SUCCESS; }

const char *nvmlErrorString(status code) {
    return code == SUCCESS ? "success" : code == NOT_SUPPORTED ? "not supported" : "error of the stand-in";
}

status nvmlSystemGetDriverVersion(char *text, unsigned length) {
    snprintf(text, length, "550.54.15");
    return SUCCESS;
}

status nvmlDeviceGetCount_v2(unsigned *count) { load(); *count = (unsigned)box.count; return SUCCESS; }

status nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
    load();
    if (index >= (unsigned)box.count || index >= GPUS) return INVALID_ARGUMENT;
    if (box.gpus[index].handle < 0) return (status)-box.gpus[index].handle;
    *handle = &box.gpus[index];
    return SUCCESS;
}

status nvmlDeviceGetHandleByUUID(const char *uuid, void **handle) {
    unsigned index;
    if (sscanf(uuid, "GPU-00000000-0000-0000-0000-%u", &index) != 1) return INVALID_ARGUMENT;
    return nvmlDeviceGetHandleByIndex_v2(index, handle);
}

status nvmlDeviceGetIndex(void *handle, unsigned *index) {
    *index = (unsigned)(of(handle) - box.gpus);
    return SUCCESS;
}

status nvmlDeviceGetName(void *handle, char *text, unsigned length) {
    (void)handle;
    snprintf(text, length, "Simulated NVML stand-in");
    return SUCCESS;
}

status nvmlDeviceGetUUID(void *handle, char *text, unsigned length) {
    snprintf(text, length, "GPU-00000000-0000-0000-0000-%012u", (unsigned)(of(handle) - box.gpus));
    return SUCCESS;
}

status nvmlDeviceGetTotalEnergyConsumption(void *handle, unsigned long long *millijoules) {
    load();
    gpu *g = of(handle);
    if (failing(g)) return failing(g);
    if (g->steps) {
        double t = seconds(), since = g->has_reset && t >= g->reset ? g->reset : 0;
        double before = since > 0 ? joules_until(g, since) : -1000;
        *millijoules = (unsigned long long)((joules_until(g, t) - before) * 1000);
        return SUCCESS;
    }
    if (g->energy < 0) return (status)-g->energy;
    *millijoules = (unsigned long long)g->energy;
    return SUCCESS;
}

status nvmlDeviceGetPowerUsage(void *handle, unsigned *milliwatts) {
    load();
    gpu *g = of(handle);
    if (failing(g)) return failing(g);
    return number(g->steps ? (long long)(watts_at(g, seconds()) * 1000) : g->power, milliwatts);
}

status nvmlDeviceGetUtilizationRates(void *handle, utilization *rates) {
    rates->memory = 0;
    return number(of(handle)->util, &rates->gpu);
}

status nvmlDeviceGetTemperature(void *handle, unsigned sensor, unsigned *celsius) {
    (void)sensor;
    return number(of(handle)->temperature, celsius);
}

status nvmlDeviceGetMemoryInfo(void *handle, memory_v1 *memory) {
    gpu *g = of(handle);
    if (g->used < 0) return (status)-g->used;
    memory->total = (unsigned long long)g->total;
    memory->used = (unsigned long long)g->used;
    memory->free = memory->total - memory->used;
    return SUCCESS;
}

status nvmlDeviceGetMemoryInfo_v2(void *handle, memory_v2 *memory) {
    memory_v1 first;
    status code = nvmlDeviceGetMemoryInfo(handle, &first);
    if (code) return code;
    memory->total = first.total;
    memory->used = first.used;
    memory->free = first.free;
    memory->reserved = 0;
    return SUCCESS;
}

status nvmlDeviceGetEnforcedPowerLimit(void *handle, unsigned *milliwatts) {
    return number(of(handle)->limit, milliwatts);
}

status nvmlDeviceGetPowerManagementLimit(void *handle, unsigned *milliwatts) {
    return number(of(handle)->limit, milliwatts);
}

status nvmlDeviceGetMigMode(void *handle, unsigned *current, unsigned *pending) {
    *pending = 0;
    return number(of(handle)->mig, current);
}

/* What other tools ask for and do without. */
status nvmlDeviceGetComputeMode(void *handle, unsigned *mode) { (void)handle; *mode = 0; return SUCCESS; }
status nvmlDeviceGetComputeRunningProcesses_v3(void *handle, unsigned *count, void *list) {
    (void)handle; (void)list; *count = 0; return SUCCESS;
}
status nvmlDeviceGetGraphicsRunningProcesses_v3(void *handle, unsigned *count, void *list) {
    (void)handle; (void)list; *count = 0; return SUCCESS;
}
status nvmlDeviceGetArchitecture(void *handle, unsigned *architecture) {
    (void)handle; *architecture = 9; return SUCCESS;
}
