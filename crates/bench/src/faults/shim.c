/* Loaded before the C library of a hushd: a disk and a clock that do what the files in HUSH_FAULTS say, as long as they are there.

   clock      the wall clock is wrong by so many seconds
   full       writes fail with ENOSPC
   io-error   one in four syncs fails with EIO, and what it should have kept is gone, as on Linux
   stall      each sync takes half a second
   power      the power is lost: of what was written since the last sync of each file an arbitrary part is kept; the process ends

   To lose writes, the old bytes of each one are kept until the file is synced. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

struct change {
    int file; /* a duplicate of the descriptor; never closed, since that would give up the database's locks */
    dev_t device;
    ino_t inode;
    off_t at;
    size_t old_length, new_length;
    off_t old_size;
    int is_truncation;
    char *old_bytes, *new_bytes;
};

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static struct change *changes;
static size_t count, room;
static unsigned long long chance;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_truncate)(int, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_clock)(clockid_t, struct timespec *);

static unsigned draw(unsigned below) {
    chance = chance * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(chance >> 33) % below;
}

static const char *path_of(const char *name, char *room_for_it) {
    const char *folder = getenv("HUSH_FAULTS");
    if (folder == NULL) return NULL;
    snprintf(room_for_it, 4096, "%s/%s", folder, name);
    return room_for_it;
}

static int is_on(const char *name) {
    char path[4096];
    return path_of(name, path) != NULL && access(path, F_OK) == 0;
}

static int is_file(int file, struct stat *about) {
    return fstat(file, about) == 0 && S_ISREG(about->st_mode);
}

/* A descriptor of the same file that stays open whatever the program does. Called with the guard held. */
static int lasting(int file, const struct stat *about) {
    static struct { dev_t device; ino_t inode; int file; } known[256];
    static size_t known_count;
    for (size_t i = 0; i < known_count; i++)
        if (known[i].device == about->st_dev && known[i].inode == about->st_ino) return known[i].file;
    int copy = fcntl(file, F_DUPFD_CLOEXEC, 400);
    if (copy < 0 || known_count == sizeof known / sizeof *known) abort();
    known[known_count].device = about->st_dev;
    known[known_count].inode = about->st_ino;
    known[known_count++].file = copy;
    return copy;
}

/* Called with the guard held. */
static void note(int file, const struct stat *about, off_t at, const char *bytes, size_t length, int is_truncation) {
    if (count == room) {
        room = room ? 2 * room : 1024;
        changes = realloc(changes, room * sizeof *changes);
        if (changes == NULL) abort();
    }
    struct change *change = &changes[count++];
    memset(change, 0, sizeof *change);
    change->file = lasting(file, about);
    change->device = about->st_dev;
    change->inode = about->st_ino;
    change->at = at;
    change->old_size = about->st_size;
    change->is_truncation = is_truncation;
    off_t end = is_truncation ? about->st_size : at + (off_t)length;
    if (end > about->st_size) end = about->st_size;
    if (end > at) {
        change->old_length = (size_t)(end - at);
        change->old_bytes = malloc(change->old_length);
        if (change->old_bytes == NULL) abort();
        ssize_t got = pread(change->file, change->old_bytes, change->old_length, at);
        if (got < 0) got = 0;
        change->old_length = (size_t)got;
    }
    if (!is_truncation) {
        change->new_length = length;
        change->new_bytes = malloc(length);
        if (change->new_bytes == NULL) abort();
        memcpy(change->new_bytes, bytes, length);
    }
}

static void give_back(struct change *change) {
    free(change->old_bytes);
    free(change->new_bytes);
}

/* Undoes what was not synced of one file, or of all; then an arbitrary part of it happens after all. Called with the guard held. */
static void lose(const struct stat *about, int keep_some) {
    for (size_t i = count; i-- > 0;) {
        struct change *change = &changes[i];
        if (about != NULL && (change->device != about->st_dev || change->inode != about->st_ino)) continue;
        if (change->old_length) real_pwrite(change->file, change->old_bytes, change->old_length, change->at);
        real_truncate(change->file, change->old_size);
    }
    for (size_t i = 0; keep_some && i < count; i++) {
        struct change *change = &changes[i];
        if (about != NULL && (change->device != about->st_dev || change->inode != about->st_ino)) continue;
        if (draw(2)) continue;
        if (change->is_truncation) real_truncate(change->file, change->at);
        else real_pwrite(change->file, change->new_bytes, change->new_length, change->at);
    }
}

/* What was written to this file is on the disk now, or gone. Called with the guard held. */
static void forget(const struct stat *about) {
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        if (changes[i].device == about->st_dev && changes[i].inode == about->st_ino) give_back(&changes[i]);
        else changes[left++] = changes[i];
    }
    count = left;
}

static void *wait_for_the_end(void *nothing) {
    (void)nothing;
    for (;;) {
        struct timespec pause = {0, 1000000};
        nanosleep(&pause, NULL);
        if (!is_on("power")) continue;
        pthread_mutex_lock(&guard);
        lose(NULL, 1);
        _exit(137);
    }
}

__attribute__((constructor)) static void begin(void) {
    real_write = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    real_pwrite = (ssize_t (*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite64");
    real_truncate = (int (*)(int, off_t))dlsym(RTLD_NEXT, "ftruncate64");
    real_fsync = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    real_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    const char *seed = getenv("HUSH_FAULTS_SEED");
    chance = seed ? strtoull(seed, NULL, 10) : 1;
    pthread_t thread;
    if (getenv("HUSH_FAULTS") != NULL) pthread_create(&thread, NULL, wait_for_the_end, NULL);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    if (real_clock == NULL) real_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real_clock(clock, now);
    char path[4096];
    if (result != 0 || clock != CLOCK_REALTIME || path_of("clock", path) == NULL) return result;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return result;
    char text[32] = {0};
    if (read(file, text, sizeof text - 1) > 0) now->tv_sec += atol(text);
    close(file);
    return result;
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t at) {
    struct stat about;
    if (!is_file(file, &about)) return real_pwrite(file, bytes, length, at);
    if (is_on("full")) { errno = ENOSPC; return -1; }
    pthread_mutex_lock(&guard);
    is_file(file, &about);
    note(file, &about, at, bytes, length, 0);
    ssize_t result = real_pwrite(file, bytes, length, at);
    pthread_mutex_unlock(&guard);
    return result;
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) { return pwrite64(file, bytes, length, at); }

ssize_t write(int file, const void *bytes, size_t length) {
    struct stat about;
    if (real_write == NULL) real_write = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    if (is_file(file, &about) && is_on("full")) { errno = ENOSPC; return -1; }
    return real_write(file, bytes, length);
}

int ftruncate64(int file, off64_t size) {
    struct stat about;
    if (!is_file(file, &about)) return real_truncate(file, size);
    pthread_mutex_lock(&guard);
    is_file(file, &about);
    if (size < about.st_size) note(file, &about, size, NULL, 0, 1);
    int result = real_truncate(file, size);
    pthread_mutex_unlock(&guard);
    return result;
}

int ftruncate(int file, off_t size) { return ftruncate64(file, size); }

static int sync_one(int file, int (*real)(int)) {
    struct stat about;
    if (!is_file(file, &about)) return real(file);
    if (is_on("stall")) {
        struct timespec half = {0, 500000000};
        nanosleep(&half, NULL);
    }
    pthread_mutex_lock(&guard);
    int result;
    if (is_on("io-error") && draw(4) == 0) {
        lose(&about, 1);
        errno = EIO;
        result = -1;
    } else {
        result = real(file);
    }
    forget(&about);
    pthread_mutex_unlock(&guard);
    if (result != 0) errno = EIO;
    return result;
}

int fsync(int file) { return sync_one(file, real_fsync); }
int fdatasync(int file) { return sync_one(file, real_fdatasync); }
