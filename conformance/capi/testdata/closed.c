/* A program that closes descriptors which it did not open, after the library has some, and opens files that get the same
 * numbers: each scene, chosen by the first argument, closes them in another way, and checks that the program's own files
 * stay open and locked as they are, and that the library's calls work or say why not. It ends with 0, or says what is
 * wrong. */

#define _GNU_SOURCE
#include <windows.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "line %d: %s is not so (last error %u, errno %d)\n", __LINE__, #condition, GetLastError(), \
                    errno); \
            exit(1); \
        } \
    } while (0)

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

/* What the library has open: a section with a view, an event, a semaphore, a mutex that is owned, one that is not, a file
 * and a section over it. */
static HANDLE section, event, semaphore, owned, idle, file, over;
static char *view, *over_view;
static const char *path;
static const char *prefix = "Local\\";

static const char *name(const char *base)
{
    static char whole[2][100];
    static int turn;
    turn = !turn;
    snprintf(whole[turn], sizeof whole[turn], "%sclosed-%s", prefix, base);
    return whole[turn];
}

static void make(void)
{
    section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, name("section"));
    view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
    event = CreateEventA(NULL, FALSE, FALSE, name("event"));
    semaphore = CreateSemaphoreA(NULL, 1, 10, name("semaphore"));
    owned = CreateMutexA(NULL, TRUE, name("owned"));
    idle = CreateMutexA(NULL, FALSE, name("idle"));
    CHECK(section && view && event && semaphore && owned && idle);
    file = CreateFileA(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_ALWAYS, 0, NULL);
    CHECK(file != INVALID_HANDLE_VALUE);
    over = CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, 4096, NULL);
    over_view = MapViewOfFile(over, FILE_MAP_WRITE, 0, 0, 0);
    CHECK(over && over_view);
    HANDLE waits[] = {event, owned};
    CHECK(WaitForMultipleObjects(2, waits, TRUE, 5) == WAIT_TIMEOUT);
    strcpy(view, "before");
    strcpy(over_view, "before");
}

/* The program's own descriptors, of many kinds, under all numbers up to 47. Each file is locked in both ways. */
enum { most = 48 };
static int own[most];
static struct stat stats[most];

static int open_own(int i)
{
    char at[300];
    switch (i % 6) {
    case 0:
        return epoll_create1(EPOLL_CLOEXEC);
    case 1:
        return eventfd(0, EFD_CLOEXEC);
    case 2:
        return memfd_create("own", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    case 3:
        return open(path, O_RDWR | O_CLOEXEC); /* the very file that the library had open */
    case 4:
        return open("/dev/shm", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    }
    snprintf(at, sizeof at, "%s.%d", path, i);
    return open(at, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

static void take_over(void)
{
    for (int i = 0; i < most; i++)
        own[i] = -1;
    for (int i = 0; i < most; i++) {
        own[i] = open_own(i);
        CHECK(own[i] >= 0);
        if (own[i] >= most)
            break;
        CHECK(fstat(own[i], &stats[i]) == 0);
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = i, .l_len = 1};
        if (S_ISREG(stats[i].st_mode))
            CHECK(fcntl(own[i], F_OFD_SETLK, &lock) == 0);
    }
}

/* mine checks that the program's own is as it was, and that nobody else has locked it. */
static void mine(void)
{
    for (int i = 0; i < most && own[i] >= 0; i++) {
        struct stat now;
        if (fstat(own[i], &now) != 0 || now.st_dev != stats[i].st_dev || now.st_ino != stats[i].st_ino ||
            (S_ISREG(now.st_mode) && now.st_size != stats[i].st_size)) { /* a directory's changes with what others make in it */
            if (own[i] < most)
                fprintf(stderr, "descriptor %d is lost: %s\n", own[i], strerror(errno));
            CHECK(own[i] >= most);
            continue;
        }
        if (!S_ISREG(now.st_mode) || own[i] >= most)
            continue;
        char self[40];
        snprintf(self, sizeof self, "/proc/self/fd/%d", own[i]);
        int again = open(self, O_RDWR | O_CLOEXEC);
        CHECK(again >= 0);
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = i, .l_len = 1};
        CHECK(fcntl(again, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_WRLCK);
        close(again);
        again = dup(own[i]); /* what has the same lock is in nobody's way */
        lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
        CHECK(fcntl(again, F_OFD_GETLK, &lock) == 0);
        if (i % 6 != 3)
            CHECK(lock.l_type == F_UNLCK);
        close(again);
    }
}

#define LOST(call) \
    do { \
        SetLastError(77); \
        CHECK(call); \
        CHECK(GetLastError() == ERROR_INVALID_HANDLE); \
    } while (0)

/* fresh checks that what is made now works, whatever was lost before. */
static void fresh(void)
{
    HANDLE s = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, name("fresh"));
    HANDLE again = OpenFileMappingA(FILE_MAP_WRITE, FALSE, name("fresh"));
    char *one = MapViewOfFile(s, FILE_MAP_WRITE, 0, 0, 0), *other = MapViewOfFile(again, FILE_MAP_WRITE, 0, 0, 0);
    HANDLE e = CreateEventA(NULL, TRUE, FALSE, name("fresh-event"));
    CHECK(s && again && one && other && e);
    *one = 42;
    CHECK(*other == 42);
    CHECK(WaitForSingleObject(e, 1) == WAIT_TIMEOUT && SetEvent(e) && WaitForSingleObject(e, 1000) == WAIT_OBJECT_0);
    CHECK(UnmapViewOfFile(one) && UnmapViewOfFile(other) && CloseHandle(s) && CloseHandle(again) && CloseHandle(e));
    CHECK(!OpenFileMappingA(FILE_MAP_READ, FALSE, name("fresh")) && GetLastError() == ERROR_FILE_NOT_FOUND);
}

/* part is the end of all handles and views. */
static void part(void)
{
    CHECK(UnmapViewOfFile(view) && UnmapViewOfFile(over_view));
    mine();
    HANDLE all[] = {section, event, semaphore, owned, idle, over, file};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        CHECK(CloseHandle(all[i]));
        mine();
    }
}

/* lost is what there is to see when all that the library had is closed. */
static void lost(void)
{
    LARGE_INTEGER size;
    take_over();
    CHECK(strcmp(view, "before") == 0 && strcmp(over_view, "before") == 0);
    strcpy(view, "after"); /* views are memory */
    strcpy(over_view, "after");
    CHECK(SetEvent(event) && ReleaseMutex(owned)); /* and so are states */
    mine();
    fresh();
    mine();
    if (prefix[0] == 'L') {
        LOST(!MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0));
        CHECK(!OpenFileMappingA(FILE_MAP_READ, FALSE, name("section")) && GetLastError() == ERROR_FILE_NOT_FOUND);
    }
    LOST(!MapViewOfFile(over, FILE_MAP_WRITE, 0, 0, 0));
    LOST(!GetFileSizeEx(file, &size));
    LOST(!CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, 4096, NULL));
    LOST(WaitForSingleObject(event, INFINITE) == WAIT_FAILED);
    LOST(WaitForSingleObject(semaphore, INFINITE) == WAIT_FAILED);
    LOST(WaitForSingleObject(idle, INFINITE) == WAIT_FAILED);
    mine();
    part();
    fresh();
    mine();
}

static void close_all(void) { CHECK(syscall(SYS_close_range, 3, ~0U, 0) == 0); }

static void scene_all(void)
{
    make();
    close_all();
    lost();
}

static void scene_loop(void)
{
    make();
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
    lost();
}

/* By the list in /proc, and again when there are others. */
static void scene_list(void)
{
    make();
    for (int round = 0; round < 2; round++) {
        DIR *list = opendir("/proc/self/fd");
        CHECK(list);
        for (struct dirent *e; (e = readdir(list));)
            if (atoi(e->d_name) > 2 && atoi(e->d_name) != dirfd(list))
                close(atoi(e->d_name));
        closedir(list);
        if (round == 0)
            fresh();
    }
    lost();
}

static void scene_global(void)
{
    prefix = "Global\\";
    make();
    close_all();
    lost();
}

/* Another file is put in the place of each: the very one that the library has, too. */
static void replace_all(int flags)
{
    make();
    int log = open(path, O_RDWR | flags);
    CHECK(log >= 0);
    for (int fd = 3; fd < most; fd++)
        if (fd != log)
            CHECK(dup3(log, fd, flags) == fd);
    fresh();
    CHECK(UnmapViewOfFile(view) && UnmapViewOfFile(over_view));
    HANDLE all[] = {section, event, semaphore, owned, idle, over, file};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        CHECK(CloseHandle(all[i]));
    for (int fd = 3; fd < most; fd++)
        CHECK(fcntl(fd, F_GETFD) >= 0);
}

static void scene_replaced(void) { replace_all(0); }
static void scene_replaced_alike(void) { replace_all(O_CLOEXEC); }

/* Every other one: each call works or fails by itself. */
static void scene_odd(int from)
{
    make();
    for (int fd = from; fd < 1024; fd += 2)
        close(fd);
    take_over();
    fresh();
    mine();
    char *more = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0);
    if (more)
        CHECK(strcmp(more, "before") == 0 && UnmapViewOfFile(more));
    else
        CHECK(GetLastError() == ERROR_INVALID_HANDLE);
    CHECK(SetEvent(event) && ReleaseMutex(owned));
    DWORD ended = WaitForSingleObject(event, 1000);
    CHECK(ended == WAIT_OBJECT_0 || (ended == WAIT_FAILED && GetLastError() == ERROR_INVALID_HANDLE));
    part();
    fresh();
    mine();
}

static void scene_odd_ones(void) { scene_odd(3); }
static void scene_even_ones(void) { scene_odd(4); }

/* Beside threads that wait. Each ends: with what it waited for, or with the error. */
static void *wait_for(void *object)
{
    DWORD ended = WaitForSingleObject(object, INFINITE);
    CHECK(ended == WAIT_OBJECT_0 || ended == WAIT_ABANDONED || (ended == WAIT_FAILED && GetLastError() == ERROR_INVALID_HANDLE));
    return NULL;
}

static void *wait_for_all(void *unused)
{
    (void)unused;
    HANDLE all[] = {event, owned};
    DWORD ended = WaitForMultipleObjects(2, all, TRUE, INFINITE);
    CHECK(ended == WAIT_FAILED && GetLastError() == ERROR_INVALID_HANDLE);
    return NULL;
}

static void sleeping(const char *thread)
{
    char at[300], state;
    do { /* until the kernel says that it sleeps */
        snprintf(at, sizeof at, "/proc/self/task/%s/stat", thread);
        FILE *stat = fopen(at, "r");
        CHECK(stat && fscanf(stat, "%*d (%*[^)]) %c", &state) == 1);
        fclose(stat);
    } while (state != 'S');
}

static void all_sleep(void)
{
    DIR *tasks = opendir("/proc/self/task");
    CHECK(tasks);
    for (struct dirent *e; (e = readdir(tasks));)
        if (e->d_name[0] != '.' && atoi(e->d_name) != getpid())
            sleeping(e->d_name);
    closedir(tasks);
}

static void scene_waiting(void)
{
    make();
    CHECK(WaitForSingleObject(semaphore, 0) == WAIT_OBJECT_0);
    HANDLE manual = CreateEventA(NULL, TRUE, FALSE, name("manual"));
    HANDLE objects[] = {event, event, semaphore, owned, manual};
    enum { count = sizeof objects / sizeof *objects };
    pthread_t threads[count + 1];
    for (int i = 0; i < count; i++)
        CHECK(pthread_create(&threads[i], NULL, wait_for, objects[i]) == 0);
    CHECK(pthread_create(&threads[count], NULL, wait_for_all, NULL) == 0);
    all_sleep();
    close_all();
    take_over();
    for (int i = 0; i <= count; i++)
        CHECK(pthread_join(threads[i], NULL) == 0); /* nobody sets anything */
    mine();
    part();
    mine();
}

/* The owner of a mutex is dead for others, and told so when it takes it again. Whoever reads the pipe knows when. */
static void scene_owner(void)
{
    char c;
    make();
    printf("made\n");
    fflush(stdout);
    CHECK(read(0, &c, 1) == 1); /* somebody else has it open now */
    close_all();
    take_over();
    printf("closed\n");
    fflush(stdout);
    CHECK(read(0, &c, 1) == 1); /* somebody else has it now */
    CHECK(!ReleaseMutex(owned));
    fresh();
    LOST(WaitForSingleObject(owned, INFINITE) == WAIT_FAILED);
    mine();
    part();
}

/* Children that close everything and become another program, as services are started. */
static void scene_children(void)
{
    make();
    for (int i = 0; i < 10; i++) {
        pid_t child = fork();
        if (child == 0) {
            close_all();
            execl("/bin/true", "true", (char *)NULL);
            _exit(1);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
    own[0] = -1;
    CHECK(SetEvent(event) && WaitForSingleObject(event, 0) == WAIT_OBJECT_0 && ReleaseMutex(owned));
    CHECK(OpenFileMappingA(FILE_MAP_READ, FALSE, name("section")));
    fresh();
    part();
}

/* Nothing is closed, only marked to be. */
static void scene_marked(void)
{
    make();
    if (syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
        CHECK(errno == EINVAL || errno == ENOSYS); /* before Linux 5.11 */
    own[0] = -1;
    void *more = MapViewOfFile(over, FILE_MAP_READ, 0, 0, 0);
    CHECK(more && UnmapViewOfFile(more));
    CHECK(SetEvent(event) && WaitForSingleObject(event, 0) == WAIT_OBJECT_0 && ReleaseMutex(owned));
    fresh();
    part();
}

/* The library has done much before, and its runtime has collected and given memory back. */
static void scene_late(void)
{
    make();
    for (int round = 0; round < 3000; round++) {
        HANDLE s = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 65536, name("much"));
        CHECK(s && CloseHandle(s));
    }
    CHECK(WaitForSingleObject(idle, 1) == WAIT_OBJECT_0 && ReleaseMutex(idle));
    close_all();
    for (int round = 0; round < 3000; round++) {
        HANDLE s = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 65536, name("much"));
        CHECK(s && CloseHandle(s));
    }
    HANDLE e = CreateEventA(NULL, TRUE, FALSE, NULL);
    CHECK(e && WaitForSingleObject(e, 120) == WAIT_TIMEOUT && CloseHandle(e));
    close_all();
    lost();
}

/* The end of the program with all of it lost, and waits going on. */
static void scene_exit(void)
{
    pthread_t thread;
    make();
    CHECK(pthread_create(&thread, NULL, wait_for, event) == 0);
    close_all();
    take_over();
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        void (*play)(void);
    } scenes[] = {
        {"all", scene_all},           {"loop", scene_loop},         {"list", scene_list},         {"global", scene_global},
        {"replaced", scene_replaced}, {"alike", scene_replaced_alike}, {"odd", scene_odd_ones},      {"even", scene_even_ones},    {"waiting", scene_waiting},
        {"owner", scene_owner},       {"children", scene_children}, {"marked", scene_marked},     {"late", scene_late},
        {"exit", scene_exit},    };
    if (count < 3)
        return 2;
    path = arguments[2];
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
        if (!strcmp(scenes[i].name, arguments[1])) {
            scenes[i].play();
            return 0;
        }
    }
    return 2;
}
