// The probe makes calls one after the other and prints what each gives: its result, and the last error that it leaves,
// "kept" where it leaves the one from before. It is one program for Windows and for Linux. A line begins with the row of
// the table that it belongs to, or with x- where there is none.
//
//	probe SUFFIX FILE
//
// SUFFIX makes the names its own, FILE is a file that it may make.

#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef _WIN32
#include <pthread.h>
#endif

enum { before = 4242 };

static char names[80][80];
static const char *suffix;

// name is BASE-SUFFIX, good until the eightieth after it.
static const char *name(const char *base)
{
    static int next;
    char *s = names[next++ % 80];
    snprintf(s, sizeof names[0], "%s-%s", base, suffix);
    return s;
}

static const WCHAR *wide(const char *base)
{
    static WCHAR units[8][80];
    static int next;
    WCHAR *w = units[next++ % 8];
    MultiByteToWideChar(CP_UTF8, 0, base, -1, w, 80);
    return w;
}

static void tell(const char *id, const char *result)
{
    DWORD code = GetLastError();
    printf("%s %s ", id, result);
    if (code == before)
        printf("kept\n");
    else
        printf("%d\n", (int)code);
}

static HANDLE told_handle(const char *id, HANDLE h)
{
    tell(id, h == INVALID_HANDLE_VALUE ? "invalid" : h ? "handle" : "NULL");
    return h;
}

static BOOL told_bool(const char *id, BOOL b)
{
    tell(id, b ? "TRUE" : "FALSE");
    return b;
}

static DWORD told_number(const char *id, DWORD n)
{
    char text[20];
    snprintf(text, sizeof text, "0x%X", (unsigned)n);
    tell(id, text);
    return n;
}

// A view is told with what VirtualQuery says of it.
static char *told_view(const char *id, void *view)
{
    DWORD code = GetLastError();
    MEMORY_BASIC_INFORMATION m;
    char text[100] = "NULL";
    if (view) {
        memset(&m, 0, sizeof m);
        VirtualQuery(view, &m, sizeof m);
        if (m.State == MEM_FREE)
            m.RegionSize = 0; // what is free beside it is chance
        snprintf(text, sizeof text, "view(size=%u,protect=0x%X,first=0x%X,state=0x%X,type=0x%X,aligned=%d)",
                 (unsigned)m.RegionSize, (unsigned)m.Protect, (unsigned)m.AllocationProtect, (unsigned)m.State,
                 (unsigned)m.Type, (ULONG_PTR)view % 65536 == 0);
    }
    SetLastError(code);
    tell(id, text);
    return view;
}

#define H(id, call) (SetLastError(before), told_handle(id, call))
#define B(id, call) (SetLastError(before), told_bool(id, call))
#define N(id, call) (SetLastError(before), told_number(id, (DWORD)(call)))
#define V(id, call) (SetLastError(before), told_view(id, call))

#define NO_FILE INVALID_HANDLE_VALUE

static HANDLE memory(DWORD size, const char *name)
{
    return CreateFileMappingA(NO_FILE, NULL, PAGE_READWRITE, 0, size, name);
}

static void creation(void)
{
    const char *a = name("create"), *big = name("big"), *ro = name("ro"), *commit = name("commit"), *rw = name("rw");
    HANDLE first, h, view;
    CloseHandle(H("CRE-001", CreateFileMappingA(NO_FILE, NULL, PAGE_READWRITE, 0, 4096, NULL)));
    H("CRE-002", CreateFileMappingA(NO_FILE, NULL, PAGE_READWRITE, 0, 0, NULL));
    first = H("CRE-003", CreateFileMappingA(NO_FILE, NULL, PAGE_READWRITE, 0, 4096, a));
    h = H("CRE-004", CreateFileMappingA(NO_FILE, NULL, PAGE_READWRITE, 0, 4096, a));
    printf("x-distinct %d\n", h != first);
    H("CRE-005", CreateFileMappingA(NO_FILE, NULL, PAGE_READWRITE, 0, 0, a));
    CloseHandle(H("CRE-017b", CreateFileMappingW(NO_FILE, NULL, PAGE_READWRITE, 0, 4096, wide(a))));
    CloseHandle(h);
    CloseHandle(first);
    CloseHandle(H("x-create-wide", CreateFileMappingW(NO_FILE, NULL, PAGE_READWRITE, 0, 4096, wide(a))));

    first = memory(10000, big);
    h = H("CRE-006a", CreateFileMappingA(NO_FILE, NULL, PAGE_READWRITE, 0, 1, big));
    view = V("CRE-006b", MapViewOfFile(h, FILE_MAP_WRITE, 0, 0, 0));
    UnmapViewOfFile(view);
    CloseHandle(h);
    CloseHandle(first);

    first = memory(4096, rw);
    h = H("CRE-008a", CreateFileMappingA(NO_FILE, NULL, PAGE_READONLY, 0, 4096, rw));
    V("x-CRE-008-write", MapViewOfFile(h, FILE_MAP_WRITE, 0, 0, 0));
    UnmapViewOfFile(V("CRE-008d", MapViewOfFile(h, FILE_MAP_READ, 0, 0, 0)));
    UnmapViewOfFile(V("CRE-008e", MapViewOfFile(h, FILE_MAP_COPY, 0, 0, 0)));
    CloseHandle(h);
    CloseHandle(first);

    first = CreateFileMappingA(NO_FILE, NULL, PAGE_READWRITE | SEC_COMMIT, 0, 65536, commit);
    CloseHandle(H("CRE-009a", CreateFileMappingA(NO_FILE, NULL, PAGE_READWRITE | SEC_RESERVE, 0, 65536, commit)));
    CloseHandle(first);

    first = H("CRE-010a", CreateFileMappingA(NO_FILE, NULL, PAGE_READONLY, 0, 4096, ro));
    h = H("CRE-010c", CreateFileMappingA(NO_FILE, NULL, PAGE_READWRITE, 0, 4096, ro));
    UnmapViewOfFile(V("CRE-010e", MapViewOfFile(h, FILE_MAP_WRITE, 0, 0, 0)));
    UnmapViewOfFile(V("CRE-010f", MapViewOfFile(h, FILE_MAP_READ, 0, 0, 0)));
    UnmapViewOfFile(V("CRE-010g", MapViewOfFile(h, FILE_MAP_COPY, 0, 0, 0)));
    V("CRE-010h", MapViewOfFile(h, FILE_MAP_EXECUTE | FILE_MAP_READ, 0, 0, 0));
    CloseHandle(h);
    h = H("CRE-010i", OpenFileMappingA(FILE_MAP_WRITE, FALSE, ro));
    UnmapViewOfFile(V("CRE-010j", MapViewOfFile(h, FILE_MAP_WRITE, 0, 0, 0)));
    CloseHandle(h);
    h = H("CRE-010k", OpenFileMappingA(FILE_MAP_ALL_ACCESS, FALSE, ro));
    UnmapViewOfFile(V("CRE-010l", MapViewOfFile(h, FILE_MAP_ALL_ACCESS, 0, 0, 0)));
    CloseHandle(h);
    CloseHandle(first);

    CloseHandle(H("CRE-011", CreateFileMappingA(NULL, NULL, PAGE_READWRITE, 0, 4096, NULL)));
    H("CRE-012", CreateFileMappingA(NULL, NULL, PAGE_READWRITE, 0, 0, NULL));
    h = CreateEventA(NULL, TRUE, FALSE, NULL);
    H("CRE-014", CreateFileMappingA(h, NULL, PAGE_READWRITE, 0, 4096, NULL));
    CloseHandle(h);
    first = H("CRE-015a", CreateFileMappingA(NO_FILE, NULL, PAGE_READWRITE, 0, 4096, ""));
    CloseHandle(H("CRE-015b", CreateFileMappingA(NO_FILE, NULL, PAGE_READWRITE, 0, 4096, "")));
    CloseHandle(first);
}

static void protections(void)
{
    static const DWORD all[] = {0, 1, 2, 3, 6, 8, 0xC, 0x10, 0x20, 0x40, 0x50, 0x60, 0x80, 0x100, 0x104, 0x204, 0x404, 0x24};
    static const struct {
        const char *id;
        DWORD flags;
    } attributes[] = {
        {"SEC-COMMIT|RESERVE", SEC_COMMIT | SEC_RESERVE},   {"SEC-NOCACHE", SEC_NOCACHE},
        {"SEC-COMMIT|NOCACHE", SEC_COMMIT | SEC_NOCACHE},   {"SEC-RESERVE|NOCACHE", SEC_RESERVE | SEC_NOCACHE},
        {"SEC-WRITECOMBINE", SEC_WRITECOMBINE},             {"SEC-COMMIT|WRITECOMBINE", SEC_COMMIT | SEC_WRITECOMBINE},
        {"SEC-RESERVE|LARGE_PAGES", SEC_RESERVE | SEC_LARGE_PAGES}, {"SEC-IMAGE", SEC_IMAGE},
        {"SEC-IMAGE|COMMIT", SEC_IMAGE | SEC_COMMIT},       {"SEC-FILE|COMMIT", SEC_FILE | SEC_COMMIT},
        {"SEC-COMMIT|LARGE_PAGES", SEC_COMMIT | SEC_LARGE_PAGES},
    };
    char id[30];
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        snprintf(id, sizeof id, "PRT-%08x", (unsigned)all[i]);
        CloseHandle(H(id, CreateFileMappingA(NO_FILE, NULL, all[i], 0, 4096, NULL)));
    }
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
        CloseHandle(H(attributes[i].id, CreateFileMappingA(NO_FILE, NULL, PAGE_READWRITE | attributes[i].flags, 0, 65536, NULL)));
    H("SIZ-001", CreateFileMappingA(NO_FILE, NULL, PAGE_READWRITE, 0x10000000, 0, NULL));
    H("SIZ-002", CreateFileMappingA(NO_FILE, NULL, PAGE_READWRITE | SEC_RESERVE, 0x10000000, 0, NULL));
    H("SIZ-006", CreateFileMappingA(NO_FILE, NULL, PAGE_READWRITE | SEC_RESERVE, 0x8000, 0, NULL));
    H("SIZ-012", CreateFileMappingA(NO_FILE, NULL, PAGE_READWRITE, 0x8000, 0, NULL));
}

static void one_name(const char *id, const char *base)
{
    char both[40];
    HANDLE h;
    snprintf(both, sizeof both, "%sc", id);
    h = H(both, CreateFileMappingA(NO_FILE, NULL, PAGE_READWRITE, 0, 4096, base));
    snprintf(both, sizeof both, "%so", id);
    CloseHandle(H(both, OpenFileMappingA(FILE_MAP_READ, FALSE, base)));
    if (h)
        CloseHandle(h);
}

static void long_name(const char *id, size_t length)
{
    char text[400], both[40];
    HANDLE h;
    memset(text, 'n', sizeof text);
    text[length] = 0;
    memcpy(text, suffix, strlen(suffix));
    snprintf(both, sizeof both, "NAM-060A-%s", id);
    h = H(both, CreateFileMappingA(NO_FILE, NULL, PAGE_READWRITE, 0, 4096, text));
    snprintf(both, sizeof both, "NAM-061A-%s", id);
    CloseHandle(H(both, OpenFileMappingA(FILE_MAP_READ, FALSE, text)));
    if (h)
        CloseHandle(h);
}

static void the_names(void)
{
    static const WCHAR lone[] = {'L', 'o', 'c', 'a', 'l', '\\', 0xD800, 'x', 0};
    H("NAM-001A", OpenFileMappingA(FILE_MAP_READ, FALSE, NULL));
    H("NAM-002", OpenFileMappingA(FILE_MAP_READ, FALSE, ""));
    one_name("NAM-003", "foo\\bar");
    one_name("NAM-004", "\\foo");
    one_name("NAM-005", "foo\\");
    one_name("NAM-006", "\\");
    one_name("NAM-007", "Global\\a\\b");
    one_name("NAM-008", "Global\\");
    one_name("NAM-009", "Local\\");
    one_name("NAM-010", "Global");
    one_name("NAM-011", "Local");
    one_name("NAM-012", "Session");
    one_name("NAM-013", "global\\x");
    one_name("NAM-014", "GLOBAL\\x");
    one_name("NAM-016", name("Global\\x"));
    one_name("NAM-017", name("Local\\x"));
    one_name("NAM-022", "Global\\\\x");
    one_name("NAM-023", name("global/x"));
    one_name("NAM-024", " \t\r\n");
    one_name("NAM-025", "\x01\x1f*?:<>|\"/");
    one_name("NAM-028", ".");
    one_name("NAM-029", "..");
    one_name("NAM-030", "Globalx\\y");
    long_name("258", 258);
    long_name("259", 259);
    long_name("261", 261);
    long_name("262", 262);
    HANDLE h = H("NAM-027c", CreateFileMappingW(NO_FILE, NULL, PAGE_READWRITE, 0, 4096, lone));
    CloseHandle(H("NAM-027o", OpenFileMappingW(FILE_MAP_READ, FALSE, lone)));
    CloseHandle(h);
    h = memory(1, name("plain"));
    CloseHandle(H("NAM-040", OpenFileMappingA(FILE_MAP_READ, FALSE, name("Local\\plain"))));
    H("NAM-041", OpenFileMappingA(FILE_MAP_READ, FALSE, name("Global\\plain")));
    H("NAM-051", OpenFileMappingA(FILE_MAP_READ, FALSE, name("PLAIN")));
    CloseHandle(H("NAM-050", CreateFileMappingA(NO_FILE, NULL, PAGE_READWRITE, 0, 4096, name("PLAIN"))));
    CloseHandle(h);
    H("OPN-001", OpenFileMappingA(FILE_MAP_READ, FALSE, name("none")));
    H("OPN-002", OpenFileMappingA(FILE_MAP_READ, FALSE, name("Global\\none")));
}

static void opening(void)
{
    static const struct {
        const char *id;
        DWORD access;
    } accesses[] = {
        {"OPN-012", FILE_MAP_READ | FILE_MAP_WRITE}, {"OPN-013", FILE_MAP_COPY},    {"OPN-014", FILE_MAP_ALL_ACCESS},
        {"OPN-015", FILE_MAP_EXECUTE},               {"OPN-016", FILE_MAP_EXECUTE | FILE_MAP_READ},
        {"OPN-017", 0},                              {"OPN-018", GENERIC_READ},     {"OPN-019", GENERIC_WRITE},
        {"OPN-020", GENERIC_ALL},                    {"OPN-021", ACCESS_SYSTEM_SECURITY}, {"OPN-022", READ_CONTROL},
        {"OPN-024", MAXIMUM_ALLOWED},                {"OPN-025", FILE_MAP_COPY | FILE_MAP_READ}, {"OPN-028", DELETE},
    };
    static const struct {
        const char *id;
        DWORD access, view;
    } views[] = {
        {"OPN-030", FILE_MAP_READ, FILE_MAP_READ},   {"OPN-031", FILE_MAP_READ, FILE_MAP_WRITE},
        {"OPN-032", FILE_MAP_READ, FILE_MAP_COPY},   {"OPN-033", FILE_MAP_READ, FILE_MAP_ALL_ACCESS},
        {"OPN-035", FILE_MAP_WRITE, FILE_MAP_WRITE}, {"OPN-036", FILE_MAP_WRITE, FILE_MAP_COPY},
        {"OPN-037", FILE_MAP_COPY, FILE_MAP_COPY},   {"OPN-038", FILE_MAP_COPY, FILE_MAP_READ},
        {"OPN-041", FILE_MAP_ALL_ACCESS, FILE_MAP_READ | FILE_MAP_EXECUTE},
        {"OPN-045", FILE_MAP_READ, 0},               {"OPN-046", FILE_MAP_READ | FILE_MAP_WRITE, FILE_MAP_COPY | FILE_MAP_READ},
        {"OPN-047", FILE_MAP_READ | FILE_MAP_WRITE, FILE_MAP_COPY | FILE_MAP_WRITE},
    };
    const char *n = name("open");
    HANDLE section = memory(4096, n), h;
    for (size_t i = 0; i < sizeof accesses / sizeof *accesses; i++)
        CloseHandle(H(accesses[i].id, OpenFileMappingA(accesses[i].access, FALSE, n)));
    for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
        h = OpenFileMappingA(views[i].access, FALSE, n);
        UnmapViewOfFile(V(views[i].id, MapViewOfFile(h, views[i].view, 0, 0, 0)));
        CloseHandle(h);
    }
    h = OpenFileMappingA(FILE_MAP_READ, TRUE, n);
    DWORD flags = 99;
    B("x-HAN-022", GetHandleInformation(h, &flags));
    N("HAN-022", flags);
    CloseHandle(h);
    CloseHandle(section);
}

static void views(void)
{
    HANDLE h = memory(131072, NULL), event = CreateEventA(NULL, TRUE, FALSE, NULL);
    static const struct {
        const char *id;
        DWORD high, low;
        SIZE_T length;
    } ranges[] = {
        {"MAP-003", 0, 65536, 0},      {"MAP-004", 0, 65536, 65536},        {"MAP-005", 0, 65536, 65537},
        {"MAP-006", 0, 131072, 0},     {"MAP-007", 0, 131072, 1},           {"MAP-008", 0, 196608, 0},
        {"MAP-009", 0, 196608, 4096},  {"MAP-010", 1, 0, 0},                {"MAP-010b", 1, 0, 4096},
        {"MAP-012", 0, 0, (SIZE_T)-1}, {"MAP-013", 0, 0, (SIZE_T)1 << 46},  {"MAP-014", 0, 4096, 1 << 20},
        {"MAP-014b", 0, 200000, 0},    {"MAP-015", 0, 0, 1},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        UnmapViewOfFile(V(ranges[i].id, MapViewOfFile(h, FILE_MAP_WRITE, ranges[i].high, ranges[i].low, ranges[i].length)));
    V("MAP-030", MapViewOfFile(NULL, FILE_MAP_READ, 0, 0, 0));
    V("MAP-031", MapViewOfFile((HANDLE)0xDEADBEE0, FILE_MAP_READ, 0, 0, 0));
    V("MAP-032", MapViewOfFile(NO_FILE, FILE_MAP_READ, 0, 0, 0));
    V("MAP-033", MapViewOfFile(event, FILE_MAP_READ, 0, 0, 0));
    char *p = MapViewOfFile(h, FILE_MAP_WRITE, 0, 0, 0);
    V("MAP-040", MapViewOfFileEx(h, FILE_MAP_WRITE, 0, 0, 0, p));
    V("MAP-041", MapViewOfFileEx(h, FILE_MAP_WRITE, 0, 0, 0, p + 4096));
    V("MAP-043", MapViewOfFileEx(h, FILE_MAP_WRITE, 0, 0, 0, (void *)1));
    UnmapViewOfFile(p);
    char *q = V("MAP-042", MapViewOfFileEx(h, FILE_MAP_WRITE, 0, 0, 0, p));
    printf("x-there %d\n", q == p);

    DWORD old = 0;
    char *read = V("x-read", MapViewOfFile(h, FILE_MAP_READ, 0, 0, 0)), *copy = V("VIE-004", MapViewOfFile(h, FILE_MAP_COPY, 0, 0, 0));
    strcpy(q, "shared");
    printf("VIE-001 %s\n", read);
    printf("VIE-008 %s\n", copy);
    strcpy(copy, "own");
    printf("VIE-005 %s %s\n", copy, read);
    V("VIE-006", copy);
    V("VIE-013", q);
    B("VIE-014", VirtualProtect(q, 4096, PAGE_READONLY, &old));
    N("x-VIE-014", old);
    V("VIE-015", q);
    B("VIE-018", VirtualProtect(read, 4096, PAGE_READWRITE, &old));
    B("VIE-019", VirtualProtect(read, 4096, PAGE_WRITECOPY, &old));
    B("VIE-020", VirtualProtect(q, 4096, PAGE_EXECUTE_READ, &old));

    B("FLU-001", FlushViewOfFile(q, 0));
    B("FLU-002", FlushViewOfFile(q, 100));
    B("FLU-003", FlushViewOfFile(q + 4096, 0));
    B("FLU-005", FlushViewOfFile(NULL, 0));
    B("FLU-008", FlushViewOfFile(read, 0));
    B("FLU-009", FlushViewOfFile(copy, 0));
    B("UNM-013", VirtualFree(q, 0, MEM_RELEASE));
    B("UNM-014", VirtualFree(q, 4096, MEM_DECOMMIT));
    B("UNM-004", UnmapViewOfFile((void *)1));
    B("x-unmap-null", UnmapViewOfFile(NULL));
    B("UNM-006", UnmapViewOfFile(&old));
    B("UNM-008", UnmapViewOfFile(q + 100));
    B("FLU-010", FlushViewOfFile(q, 0));
    B("x-unmap-twice", UnmapViewOfFile(q));
    B("UNM-011", UnmapViewOfFile(read));
    V("UNM-012", read);
    B("x-unmap-copy", UnmapViewOfFile(copy + 5000));
    N("HAN-020", WaitForSingleObject(h, 0));
    N("HAN-021", GetFileType(h));
    CloseHandle(h);
    V("LIF-014", MapViewOfFile(h, FILE_MAP_READ, 0, 0, 0));
    CloseHandle(event);

    h = memory(256, NULL);
    UnmapViewOfFile(V("MAP-021", MapViewOfFile(h, FILE_MAP_WRITE, 0, 0, 256)));
    UnmapViewOfFile(V("MAP-023", MapViewOfFile(h, FILE_MAP_WRITE, 0, 0, 4096)));
    V("MAP-024", MapViewOfFile(h, FILE_MAP_WRITE, 0, 0, 4097));
    CloseHandle(h);
}

static void lifetime(void)
{
    const char *n = name("life");
    HANDLE h = memory(4096, n), second;
    char *old = MapViewOfFile(h, FILE_MAP_WRITE, 0, 0, 0);
    strcpy(old, "old");
    B("LIF-002a", CloseHandle(h));
    H("x-LIF-002", OpenFileMappingA(FILE_MAP_READ, FALSE, n));
    h = H("LIF-002e", CreateFileMappingA(NO_FILE, NULL, PAGE_READWRITE, 0, 4096, n));
    char *fresh = V("LIF-002f", MapViewOfFile(h, FILE_MAP_WRITE, 0, 0, 0));
    printf("LIF-002g %s %d\n", old, fresh[0]);
    B("LIF-002h", UnmapViewOfFile(old));
    UnmapViewOfFile(fresh);
    second = OpenFileMappingA(FILE_MAP_READ, FALSE, n);
    CloseHandle(h);
    CloseHandle(H("LIF-003", OpenFileMappingA(FILE_MAP_READ, FALSE, n)));
    CloseHandle(second);
    H("LIF-004", OpenFileMappingA(FILE_MAP_READ, FALSE, n));
}

static void duplicate(const char *id, HANDLE h, DWORD access, DWORD view)
{
    HANDLE copy = NULL, process = GetCurrentProcess();
    char first[40];
    snprintf(first, sizeof first, "x-%s", id);
    B(first, DuplicateHandle(process, h, process, &copy, access, FALSE, 0));
    UnmapViewOfFile(V(id, MapViewOfFile(copy, view, 0, 0, 0)));
    CloseHandle(copy);
}

static void handles(void)
{
    HANDLE h = memory(4096, NULL), process = GetCurrentProcess(), copy = NULL;
    DWORD flags = 99;
    duplicate("HAN-010", h, FILE_MAP_READ, FILE_MAP_READ);
    duplicate("HAN-011", h, FILE_MAP_READ, FILE_MAP_WRITE);
    duplicate("HAN-012", h, FILE_MAP_WRITE, FILE_MAP_WRITE);
    duplicate("HAN-013", h, FILE_MAP_WRITE, FILE_MAP_READ);
    duplicate("HAN-014", h, 0, 0);
    duplicate("HAN-015", h, FILE_MAP_READ | FILE_MAP_WRITE, FILE_MAP_WRITE);
    duplicate("HAN-016", h, FILE_MAP_READ, FILE_MAP_COPY);
    B("x-HAN-018", DuplicateHandle(process, h, process, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE));
    printf("HAN-018 %d\n", copy == h);
    B("HAN-019", GetHandleInformation(copy, &flags));
    N("x-HAN-019", flags);
    B("x-protect", SetHandleInformation(copy, HANDLE_FLAG_PROTECT_FROM_CLOSE, HANDLE_FLAG_PROTECT_FROM_CLOSE));
    B("HAN-024", CloseHandle(copy));
    B("x-unprotect", SetHandleInformation(copy, HANDLE_FLAG_PROTECT_FROM_CLOSE, 0));
    B("HAN-001", CloseHandle(copy));
    B("HAN-002", CloseHandle(copy));
    B("HAN-004", CloseHandle(NO_FILE));
    B("HAN-005", CloseHandle((HANDLE)0xDEADBEE0));
    B("x-close-null", CloseHandle(NULL));
    B("x-duplicate-unknown", DuplicateHandle(process, (HANDLE)0xDEADBEE0, process, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS));
    SECURITY_ATTRIBUTES inherit = {sizeof inherit, NULL, TRUE};
    const char *n = name("inherit");
    h = memory(4096, n);
    copy = H("HAN-023", CreateFileMappingA(NO_FILE, &inherit, PAGE_READWRITE, 0, 4096, n));
    GetHandleInformation(copy, &flags);
    N("x-HAN-023", flags);
    CloseHandle(copy);
    CloseHandle(h);
}

// One name, one kind of object.
static void classes(void)
{
    const char *e = name("event"), *m = name("mutex"), *s = name("semaphore"), *f = name("section");
    HANDLE all[] = {CreateEventA(NULL, TRUE, FALSE, e), CreateMutexA(NULL, FALSE, m), CreateSemaphoreA(NULL, 1, 1, s), memory(1, f)};
    CloseHandle(H("CLA-event-create-event", CreateEventA(NULL, TRUE, FALSE, e)));
    H("CLA-event-create-semaphore", CreateSemaphoreA(NULL, 1, 1, e));
    H("CLA-event-open-semaphore", OpenSemaphoreA(SYNCHRONIZE, FALSE, e));
    H("CLA-event-create-section", memory(1, e));
    H("CLA-event-open-section", OpenFileMappingA(FILE_MAP_READ, FALSE, e));
    H("CLA-mutex-open-event", OpenEventA(SYNCHRONIZE, FALSE, m));
    CloseHandle(H("CLA-mutex-open-mutex", OpenMutexA(SYNCHRONIZE, FALSE, m)));
    H("CLA-mutex-open-semaphore", OpenSemaphoreA(SYNCHRONIZE, FALSE, m));
    H("CLA-semaphore-create-event", CreateEventA(NULL, TRUE, FALSE, s));
    CloseHandle(H("CLA-semaphore-create-semaphore", CreateSemaphoreA(NULL, 1, 1, s)));
    H("CLA-semaphore-open-mutex", OpenMutexA(SYNCHRONIZE, FALSE, s));
    H("CLA-section-create-event", CreateEventA(NULL, TRUE, FALSE, f));
    H("CLA-section-create-mutex", CreateMutexA(NULL, FALSE, f));
    H("CLA-section-open-semaphore", OpenSemaphoreA(SYNCHRONIZE, FALSE, f));
    for (int i = 0; i < 4; i++)
        CloseHandle(all[i]);
}

static void events(void)
{
    const char *n = name("e");
    HANDLE automatic = CreateEventA(NULL, FALSE, FALSE, NULL), manual = H("x-event", CreateEventA(NULL, TRUE, TRUE, n)), h;
    B("x-set", SetEvent(automatic));
    SetEvent(automatic);
    N("EVT-002", WaitForSingleObject(automatic, 0));
    N("x-EVT-003", WaitForSingleObject(automatic, 0));
    N("EVT-004", WaitForSingleObject(manual, 0));
    N("EVT-005", WaitForSingleObject(manual, 0));
    B("EVT-007", PulseEvent(automatic));
    N("EVT-008", WaitForSingleObject(automatic, 0));
    h = H("EVT-011", CreateEventA(NULL, FALSE, FALSE, n));
    N("EVT-012", WaitForSingleObject(h, 0));
    N("EVT-013", WaitForSingleObject(h, 0));
    B("x-reset", ResetEvent(h));
    N("x-EVT-reset", WaitForSingleObject(manual, 0));
    CloseHandle(h);
    h = H("EVT-014", OpenEventA(SYNCHRONIZE, FALSE, n));
    B("EVT-015", SetEvent(h));
    CloseHandle(h);
    h = OpenEventA(EVENT_MODIFY_STATE, FALSE, n);
    N("EVT-016", WaitForSingleObject(h, 0));
    B("EVT-016b", ResetEvent(h));
    CloseHandle(h);
    H("EVT-017", OpenEventA(SYNCHRONIZE, FALSE, name("no")));
    H("EVT-020", OpenEventA(0, FALSE, name("no")));
    B("EVT-018", SetEvent(NULL));
    h = CreateMutexA(NULL, FALSE, NULL);
    B("EVT-019", SetEvent(h));
    CloseHandle(h);
    CloseHandle(H("x-event-ex", CreateEventExA(NULL, name("ex"), CREATE_EVENT_MANUAL_RESET | CREATE_EVENT_INITIAL_SET, EVENT_ALL_ACCESS)));
    H("x-event-null", OpenEventA(SYNCHRONIZE, FALSE, NULL));
    CloseHandle(automatic);
    CloseHandle(manual);
}

// A thread that waits for what it is given, and ends as its owner.
#ifdef _WIN32
static DWORD WINAPI body(void *mutex) { return WaitForSingleObject(mutex, 0); }

static DWORD in_thread(HANDLE mutex)
{
    DWORD result = 0;
    HANDLE thread = CreateThread(NULL, 0, body, mutex, 0, NULL);
    WaitForSingleObject(thread, INFINITE);
    GetExitCodeThread(thread, &result);
    CloseHandle(thread);
    return result;
}
#else
static void *body(void *mutex) { return (void *)(ULONG_PTR)WaitForSingleObject(mutex, 0); }

static DWORD in_thread(HANDLE mutex)
{
    pthread_t thread;
    void *result;
    pthread_create(&thread, NULL, body, mutex);
    pthread_join(thread, &result);
    return (DWORD)(ULONG_PTR)result;
}
#endif

static void mutexes(void)
{
    const char *n = name("m");
    HANDLE m = H("x-mutex", CreateMutexA(NULL, TRUE, n)), h, two[2];
    N("MTX-002", WaitForSingleObject(m, 0));
    B("x-MTX-release", ReleaseMutex(m));
    N("MTX-005", in_thread(m));
    B("MTX-007", ReleaseMutex(m));
    B("MTX-008", ReleaseMutex(m));
    h = H("MTX-009", CreateMutexA(NULL, TRUE, n));
    N("MTX-010", in_thread(h));
    N("MTX-011", WaitForSingleObject(m, 0));
    B("MTX-012", ReleaseMutex(m));
    N("MTX-015", WaitForSingleObject(m, 0));
    ReleaseMutex(m);
    CloseHandle(h);
    h = H("MTX-020", OpenMutexA(SYNCHRONIZE, FALSE, n));
    N("MTX-021", WaitForSingleObject(h, 0));
    B("MTX-022", ReleaseMutex(h));
    CloseHandle(H("MTX-024", OpenMutexA(0, FALSE, n)));
    WaitForSingleObject(m, 0);
    CloseHandle(h);
    N("MTX-025", in_thread(m));
    ReleaseMutex(m);
    in_thread(m);
    two[0] = CreateEventA(NULL, TRUE, FALSE, NULL);
    two[1] = m;
    N("WMO-001", WaitForMultipleObjects(2, two, FALSE, 0));
    ReleaseMutex(m);
    N("WMO-003", WaitForMultipleObjects(2, two, TRUE, 0));
    N("WMO-004", in_thread(m));
    in_thread(m);
    SetEvent(two[0]);
    DWORD event = WaitForMultipleObjects(2, two, TRUE, 0);
    printf("WMO-002 %d\n", event == WAIT_ABANDONED || event == WAIT_ABANDONED + 1);
    ResetEvent(two[0]);
    N("WAI-006", SignalObjectAndWait(m, two[0], 0, FALSE));
    B("x-WAI-006", ReleaseMutex(m));
    CloseHandle(two[0]);
    CloseHandle(m);
}

static void semaphores(void)
{
    const char *n = name("s");
    LONG previous = -7;
    HANDLE s = H("SEM-001", CreateSemaphoreA(NULL, 1, 2, n)), h;
    N("SEM-002", WaitForSingleObject(s, 0));
    N("x-SEM-003", WaitForSingleObject(s, 0));
    B("x-SEM-004", ReleaseSemaphore(s, 2, &previous));
    N("x-SEM-004b", previous);
    previous = -7;
    B("x-SEM-005", ReleaseSemaphore(s, 1, &previous));
    N("x-SEM-005b", previous);
    WaitForSingleObject(s, 0);
    WaitForSingleObject(s, 0);
    N("SEM-005c", WaitForSingleObject(s, 0));
    B("SEM-006", ReleaseSemaphore(s, 0, NULL));
    B("SEM-007", ReleaseSemaphore(s, -1, NULL));
    h = H("SEM-008", CreateSemaphoreA(NULL, 5, 9, n));
    N("SEM-009", WaitForSingleObject(h, 0));
    CloseHandle(h);
    H("SEM-010", CreateSemaphoreA(NULL, 3, 2, NULL));
    H("SEM-011", CreateSemaphoreA(NULL, 0, 0, NULL));
    H("SEM-012", CreateSemaphoreA(NULL, -1, 2, NULL));
    H("SEM-014", CreateSemaphoreA(NULL, 9, 2, n));
    h = OpenSemaphoreA(SYNCHRONIZE, FALSE, n);
    B("SEM-015", ReleaseSemaphore(h, 1, NULL));
    CloseHandle(h);
    h = OpenSemaphoreA(SEMAPHORE_MODIFY_STATE, FALSE, n);
    N("SEM-016", WaitForSingleObject(h, 0));
    B("SEM-017", ReleaseSemaphore(h, 1, NULL));
    CloseHandle(h);
    CloseHandle(s);
    H("SEM-018", OpenSemaphoreA(SYNCHRONIZE, FALSE, n));
}

static void waits(void)
{
    HANDLE all[65], h;
    N("WAI-002", WaitForSingleObject((HANDLE)0xDEADBEE0, 0));
    N("x-WAI-null", WaitForSingleObject(NULL, 0));
    N("WAI-003", WaitForSingleObject(GetCurrentProcess(), 0));
    for (int i = 0; i < 65; i++)
        all[i] = CreateEventA(NULL, i == 0, TRUE, NULL);
    N("WMO-005", WaitForMultipleObjects(64, all, FALSE, 0));
    ResetEvent(all[0]);
    N("WMO-006", WaitForMultipleObjects(64, all, FALSE, 0));
    N("x-WMO-006", WaitForMultipleObjects(64, all, FALSE, 0));
    N("WMO-007", WaitForMultipleObjects(65, all, FALSE, 0));
    N("WMO-008", WaitForMultipleObjects(0, all, FALSE, 0));
    N("WAI-004", WaitForSingleObject(all[1], 20));
    h = all[1];
    all[1] = (HANDLE)0xDEADBEE0;
    N("WMO-011", WaitForMultipleObjects(2, all, FALSE, 0));
    all[1] = all[0];
    N("WMO-010", WaitForMultipleObjects(2, all, TRUE, 0));
    all[1] = h;
    for (int i = 0; i < 65; i++)
        CloseHandle(all[i]);
    N("WAI-005", WaitForSingleObject(all[0], 0));
}

static HANDLE file(const char *path, DWORD access, DWORD how)
{
    return CreateFileA(path, access, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, how, FILE_ATTRIBUTE_NORMAL, NULL);
}

static void files(const char *path)
{
    char long_path[301] = "";
    LARGE_INTEGER size;
    HANDLE f = H("x-file", file(path, GENERIC_READ | GENERIC_WRITE, CREATE_ALWAYS)), h, second;
    H("FIL-001", CreateFileMappingA(f, NULL, PAGE_READWRITE, 0, 0, NULL));
    H("FIL-002", CreateFileMappingA(f, NULL, PAGE_READONLY, 0, 4096, NULL));
    h = H("FIL-003a", CreateFileMappingA(f, NULL, PAGE_READWRITE, 0, 10000, name("F")));
    B("x-FIL-003b", GetFileSizeEx(f, &size));
    printf("FIL-003b %d\n", (int)size.QuadPart);
    second = H("x-FIL-004", OpenFileMappingA(FILE_MAP_WRITE | FILE_MAP_READ, FALSE, name("F")));
    char *p = V("FIL-005", MapViewOfFile(h, FILE_MAP_WRITE, 0, 0, 0)), *q = MapViewOfFile(second, FILE_MAP_READ, 0, 0, 0);
    if (p && q) {
        strcpy(p, "through the file");
        printf("FIL-006 %s\n", q);
    }
    V("FIL-009", MapViewOfFile(h, FILE_MAP_READ, 0, 0, 10001));
    B("x-FIL-flush", FlushViewOfFile(p, 0));
    B("x-protect-null", VirtualProtect(p, 4096, PAGE_READONLY, NULL));
    UnmapViewOfFile(p);
    UnmapViewOfFile(q);
    CloseHandle(second);
    CloseHandle(h);
    N("x-FIL-type", GetFileType(f));
    CloseHandle(f);
    f = file(path, GENERIC_READ, OPEN_EXISTING);
    CloseHandle(H("FIL-012", CreateFileMappingA(f, NULL, PAGE_READONLY, 0, 0, NULL)));
    H("FIL-013", CreateFileMappingA(f, NULL, PAGE_READONLY, 0, 20000, NULL));
    CloseHandle(H("FIL-014", CreateFileMappingA(f, NULL, PAGE_WRITECOPY, 0, 0, NULL)));
    H("x-FIL-write", CreateFileMappingA(f, NULL, PAGE_READWRITE, 0, 0, NULL));
    CloseHandle(f);
    H("x-file-exists", file(path, GENERIC_READ, CREATE_NEW));
    H("x-file-none", file("there-is-none", GENERIC_READ, OPEN_EXISTING));
    CloseHandle(H("x-file-create-always", file(path, GENERIC_WRITE, CREATE_ALWAYS)));
    CloseHandle(H("x-file-open-always", file(path, GENERIC_WRITE, OPEN_ALWAYS)));
    H("x-file-directory", file(".", GENERIC_READ, OPEN_EXISTING));
    memset(long_path, 'n', sizeof long_path - 1);
    H("x-file-long", file(long_path, GENERIC_READ, OPEN_EXISTING));
    f = H("x-file-doomed", CreateFileA(path, GENERIC_WRITE, 0, NULL, OPEN_ALWAYS, FILE_FLAG_DELETE_ON_CLOSE, NULL));
    B("x-file-close", CloseHandle(f));
    H("x-file-gone", file(path, GENERIC_READ, OPEN_EXISTING));
    f = H("x-file-open-new", CreateFileA(path, GENERIC_WRITE, 0, NULL, OPEN_ALWAYS, FILE_FLAG_DELETE_ON_CLOSE, NULL));
    CloseHandle(f);
}

static void texts(void)
{
    WCHAR w[16];
    char a[16];
    static const WCHAR astral[] = {0xD83D, 0xDE00, 'x', 0}, lone[] = {0xD83D, 0};
    N("x-widen", MultiByteToWideChar(CP_UTF8, 0, "\xF0\x9F\x98\x80x", -1, w, 16));
    printf("x-widened %d\n", !memcmp(w, astral, sizeof astral));
    N("x-widen-count", MultiByteToWideChar(CP_UTF8, 0, "\xC3\xA9", 2, NULL, 0));
    N("x-widen-room", MultiByteToWideChar(CP_UTF8, 0, "abc", -1, w, 3));
    N("x-widen-none", MultiByteToWideChar(CP_UTF8, 0, "abc", 0, w, 3));
    N("x-widen-bad", MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, "a\xFF", -1, w, 16));
    N("x-widen-flags", MultiByteToWideChar(CP_UTF8, 0x80000000u, "a", -1, w, 16));
    N("x-widen-page", MultiByteToWideChar(12345, 0, "a", -1, w, 16));
    N("x-narrow", WideCharToMultiByte(CP_UTF8, 0, astral, -1, a, 16, NULL, NULL));
    printf("x-narrowed %d\n", !strcmp(a, "\xF0\x9F\x98\x80x"));
    N("x-narrow-room", WideCharToMultiByte(CP_UTF8, 0, astral, -1, a, 3, NULL, NULL));
    N("x-narrow-lone", WideCharToMultiByte(CP_UTF8, 0, lone, -1, a, 16, NULL, NULL));
    printf("x-narrowed-lone %d\n", !strcmp(a, "\xEF\xBF\xBD"));
    N("x-narrow-bad", WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, lone, -1, a, 16, NULL, NULL));
}

int main(int count, char **arguments)
{
    SYSTEM_INFO machine;
    if (count != 3)
        return 2;
    suffix = arguments[1];
    GetSystemInfo(&machine);
    printf("MAP-000 %d %d\n", (int)machine.dwPageSize, (int)machine.dwAllocationGranularity);
    creation();
    protections();
    the_names();
    opening();
    views();
    lifetime();
    handles();
    classes();
    events();
    mutexes();
    semaphores();
    waits();
    texts();
    files(arguments[2]);
    return 0;
}
