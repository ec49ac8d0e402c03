/* A disk that forgets: writes down every change made under one folder, and every sync, so that a test can put the
 * folder back to what a disk would hold after a power cut. Loaded with LD_PRELOAD (Linux); used by power.rs.
 *
 *   SHIM_UNDER    the folder that is watched, an absolute path
 *   SHIM_JOURNAL  the file the journal is appended to
 *   SHIM_KILL_AT  the process kills itself before its change or sync of this number; 0 for never
 *
 * A record of the journal: kind (1 byte), inode (8), offset or length (8), length of a (4), length of b (4), a, b;
 * numbers in the machine's order. Kinds: C file made (a path), D folder made (a path), W written (a bytes),
 * T cut or grown to a length, S synced, R renamed (a from, b to), U name removed (a path).
 *
 * A change and its record are made under one lock, so the journal has the order of the changes. Syncs are only
 * written down: what was not synced is thrown away by the test, and what was is kept by the page cache. Writes
 * through shared memory maps are not seen; SQLite makes those to its -shm file alone, which is never synced. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define LONGEST 8192

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int journal = -1;
static char under[LONGEST];
static size_t under_length;
static long kill_at, changes;

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("SHIM_UNDER"), *file = getenv("SHIM_JOURNAL"), *at = getenv("SHIM_KILL_AT");
    if (!folder || !file || strlen(folder) >= LONGEST) return;
    strcpy(under, folder);
    under_length = strlen(under);
    kill_at = at ? atol(at) : 0;
    journal = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (journal < 0) abort();
}

static int below(const char *path) {
    return journal >= 0 && !strncmp(path, under, under_length) && (path[under_length] == '/' || !path[under_length]);
}

/* The absolute path of a name; 0 if it is not watched. */
static int whole(int folder, const char *name, char *path) {
    if (journal < 0 || !name) return 0;
    if (name[0] == '/') {
        if (strlen(name) >= LONGEST) abort();
        strcpy(path, name);
    } else {
        char base[LONGEST], link[64];
        ssize_t length;
        if (folder == AT_FDCWD) strcpy(link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        length = syscall(SYS_readlinkat, AT_FDCWD, link, base, sizeof base - 1);
        if (length < 0) return 0;
        base[length] = 0;
        if (snprintf(path, LONGEST, "%s/%s", base, name) >= LONGEST) abort();
    }
    return below(path);
}

/* Whether a descriptor is of a file or folder that is watched. */
static int watched(int fd, struct stat *about) {
    char link[64], path[LONGEST];
    ssize_t length;
    if (journal < 0 || fd == journal || fstat(fd, about) || !(S_ISREG(about->st_mode) || S_ISDIR(about->st_mode))) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return below(path);
}

static void take(void) {
    pthread_mutex_lock(&lock);
    if (++changes == kill_at) {
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }
}

static void give(void) {
    int before = errno;
    pthread_mutex_unlock(&lock);
    errno = before;
}

static void note(char kind, uint64_t inode, uint64_t offset, const void *a, size_t a_length, const void *b, size_t b_length) {
    unsigned char head[25];
    uint32_t lengths[2] = {(uint32_t)a_length, (uint32_t)b_length};
    struct iovec parts[3] = {{head, sizeof head}, {(void *)a, a_length}, {(void *)b, b_length}};
    int before = errno;
    head[0] = (unsigned char)kind;
    memcpy(head + 1, &inode, 8);
    memcpy(head + 9, &offset, 8);
    memcpy(head + 17, lengths, 8);
    if (syscall(SYS_writev, journal, parts, 3) != (long)(sizeof head + a_length + b_length)) abort();
    errno = before;
}

static int opened(int folder, const char *name, int flags, mode_t mode) {
    char path[LONGEST];
    struct stat about;
    int fd, new;
    if (!(flags & (O_CREAT | O_TRUNC)) || !whole(folder, name, path))
        return (int)syscall(SYS_openat, folder, name, flags, mode);
    take();
    new = (flags & O_CREAT) && syscall(SYS_faccessat, folder, name, F_OK) != 0;
    fd = (int)syscall(SYS_openat, folder, name, flags, mode);
    if (fd >= 0 && !fstat(fd, &about)) {
        if (new) note('C', about.st_ino, 0, path, strlen(path), NULL, 0);
        else if (flags & O_TRUNC) note('T', about.st_ino, 0, NULL, 0, NULL, 0);
    }
    give();
    return fd;
}

#define MODE(flags, mode) \
    if ((flags) & O_CREAT) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }

int open(const char *name, int flags, ...) { mode_t mode = 0; MODE(flags, mode) return opened(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { mode_t mode = 0; MODE(flags, mode) return opened(AT_FDCWD, name, flags, mode); }
int openat(int folder, const char *name, int flags, ...) { mode_t mode = 0; MODE(flags, mode) return opened(folder, name, flags, mode); }
int openat64(int folder, const char *name, int flags, ...) { mode_t mode = 0; MODE(flags, mode) return opened(folder, name, flags, mode); }
int creat(const char *name, mode_t mode) { return opened(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *name, mode_t mode) { return opened(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode); }

/* Where a write without an offset will stand. */
static off_t place(int fd, const struct stat *about) {
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_APPEND) ? about->st_size : lseek(fd, 0, SEEK_CUR);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    struct stat about;
    ssize_t written;
    off_t at;
    if (!watched(fd, &about)) return syscall(SYS_write, fd, bytes, length);
    take();
    fstat(fd, &about);
    at = place(fd, &about);
    written = syscall(SYS_write, fd, bytes, length);
    if (written > 0) note('W', about.st_ino, (uint64_t)at, bytes, (size_t)written, NULL, 0);
    give();
    return written;
}

static ssize_t written_at(int fd, const void *bytes, size_t length, off_t at) {
    struct stat about;
    ssize_t written;
    if (!watched(fd, &about)) return syscall(SYS_pwrite64, fd, bytes, length, at);
    take();
    written = syscall(SYS_pwrite64, fd, bytes, length, at);
    if (written > 0) note('W', about.st_ino, (uint64_t)at, bytes, (size_t)written, NULL, 0);
    give();
    return written;
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return written_at(fd, bytes, length, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) { return written_at(fd, bytes, length, at); }

/* Pieces are written one by one: a short write is allowed. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
    struct stat about;
    if (!watched(fd, &about)) return syscall(SYS_writev, fd, parts, count);
    for (int part = 0; part < count; part++)
        if (parts[part].iov_len) return write(fd, parts[part].iov_base, parts[part].iov_len);
    return 0;
}
static ssize_t parts_at(int fd, const struct iovec *parts, int count, off_t at) {
    for (int part = 0; part < count; part++)
        if (parts[part].iov_len) return written_at(fd, parts[part].iov_base, parts[part].iov_len, at);
    return 0;
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) { return parts_at(fd, parts, count, at); }
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) { return parts_at(fd, parts, count, at); }

static int cut(int fd, off_t length) {
    struct stat about;
    int failed;
    if (!watched(fd, &about)) return (int)syscall(SYS_ftruncate, fd, length);
    take();
    failed = (int)syscall(SYS_ftruncate, fd, length);
    if (!failed) note('T', about.st_ino, (uint64_t)length, NULL, 0, NULL, 0);
    give();
    return failed;
}
int ftruncate(int fd, off_t length) { return cut(fd, length); }
int ftruncate64(int fd, off64_t length) { return cut(fd, length); }

/* Not offered: callers fall back to what is watched. */
int posix_fallocate(int fd, off_t at, off_t length) { (void)fd; (void)at; (void)length; return EOPNOTSUPP; }
int posix_fallocate64(int fd, off64_t at, off64_t length) { (void)fd; (void)at; (void)length; return EOPNOTSUPP; }
int fallocate(int fd, int mode, off_t at, off_t length) { (void)fd; (void)mode; (void)at; (void)length; errno = EOPNOTSUPP; return -1; }
ssize_t copy_file_range(int a, off64_t *b, int c, off64_t *d, size_t e, unsigned f) { (void)a; (void)b; (void)c; (void)d; (void)e; (void)f; errno = ENOSYS; return -1; }
ssize_t sendfile(int a, int b, off_t *c, size_t d) { (void)a; (void)b; (void)c; (void)d; errno = ENOSYS; return -1; }
ssize_t sendfile64(int a, int b, off64_t *c, size_t d) { (void)a; (void)b; (void)c; (void)d; errno = ENOSYS; return -1; }

static int synced(int fd, int all) {
    struct stat about;
    if (!watched(fd, &about)) return (int)syscall(all ? SYS_fsync : SYS_fdatasync, fd);
    take();
    note('S', about.st_ino, 0, NULL, 0, NULL, 0);
    give();
    return 0;
}
int fsync(int fd) { return synced(fd, 1); }
int fdatasync(int fd) { return synced(fd, 0); }

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    char a[LONGEST], b[LONGEST];
    int failed, of_a = whole(from_folder, from, a), of_b = whole(to_folder, to, b);
    if (!of_a && !of_b) return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, 0);
    if (!of_a || !of_b) abort();
    take();
    failed = (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, 0);
    if (!failed) note('R', 0, 0, a, strlen(a), b, strlen(b));
    give();
    return failed;
}
int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }

int unlinkat(int folder, const char *name, int flags) {
    char path[LONGEST];
    int failed;
    if (!whole(folder, name, path)) return (int)syscall(SYS_unlinkat, folder, name, flags);
    take();
    failed = (int)syscall(SYS_unlinkat, folder, name, flags);
    if (!failed) note('U', 0, 0, path, strlen(path), NULL, 0);
    give();
    return failed;
}
int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }

int mkdirat(int folder, const char *name, mode_t mode) {
    char path[LONGEST];
    struct stat about;
    int failed;
    if (!whole(folder, name, path)) return (int)syscall(SYS_mkdirat, folder, name, mode);
    take();
    failed = (int)syscall(SYS_mkdirat, folder, name, mode);
    if (!failed && !stat(path, &about)) note('D', about.st_ino, 0, path, strlen(path), NULL, 0);
    give();
    return failed;
}
int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }
