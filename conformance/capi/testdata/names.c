// Names and text in both widths. Without arguments it checks by itself; with names it opens each as an event, by the A and
// by the W function, and holds one more of each name with "-c" behind it until its input ends.

#include <windows.h>

#include <conio.h>
#include <stdio.h>
#include <stdlib.h>
#include <tchar.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "line %d: %s is not so (last error %u)\n", __LINE__, #condition, GetLastError()); \
            exit(1); \
        } \
    } while (0)

static WCHAR *wide(const char *text)
{
    int units = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, NULL, 0);
    CHECK(units > 0);
    WCHAR *w = malloc(units * sizeof *w);
    CHECK(MultiByteToWideChar(CP_UTF8, 0, text, -1, w, units) == units);
    return w;
}

static void meet(const char *name)
{
    WCHAR *w = wide(name);
    HANDLE a = CreateEventA(NULL, TRUE, FALSE, name);
    CHECK(a && GetLastError() == 0);
    HANDLE b = CreateEventW(NULL, TRUE, FALSE, w);
    CHECK(b && GetLastError() == ERROR_ALREADY_EXISTS && CompareObjectHandles(a, b));
    HANDLE c = OpenEventA(SYNCHRONIZE, FALSE, name), d = OpenEventW(SYNCHRONIZE, FALSE, w);
    CHECK(c && d && CompareObjectHandles(c, d));
    CHECK(CloseHandle(a) && CloseHandle(b) && CloseHandle(c) && CloseHandle(d));
    CHECK(!OpenEventW(SYNCHRONIZE, FALSE, w) && GetLastError() == ERROR_FILE_NOT_FOUND);
    free(w);
}

static void the_names(void)
{
    static const WCHAR lone[] = {'L', 'o', 'c', 'a', 'l', '\\', 0xDC00, 0xD83D, 0}, other[] = {'L', 'o', 'c', 'a', 'l', '\\', 0xDC00, 0xD83E, 0};
    char *long_name = malloc(262);
    meet("Local\\plain");
    meet("Local\\gr\xC3\xB6\xC3\x9F" "e");
    meet("Local\\\xE6\xBC\xA2\xE5\xAD\x97");
    meet("Local\\\xF0\x9F\x98\x80 \xF0\x9D\x94\x98");
    meet("e\xCC\x81"); // decomposed, and another name than
    meet("\xC3\xA9");
    HANDLE h = CreateEventW(NULL, TRUE, FALSE, lone);
    CHECK(h && !OpenEventW(SYNCHRONIZE, FALSE, other));
    CHECK(CloseHandle(h));
    // The limit of the A functions counts UTF-16 units: 260 with the NUL.
    for (int units = 258; units <= 261; units++) {
        memset(long_name, 'n', 261);
        long_name[units] = 0;
        h = CreateEventA(NULL, TRUE, FALSE, long_name);
        CHECK(units < 260 ? h != NULL : units == 260 || (!h && GetLastError() == ERROR_FILENAME_EXCED_RANGE));
        CloseHandle(h);
    }
    free(long_name);
}

static void expect(const TCHAR *got, const TCHAR *want)
{
    if (_tcscmp(got, want)) {
        _ftprintf(stderr, TEXT("it is \"%s\", and should be \"%s\"\n"), got, want);
        exit(1);
    }
}

// What both widths do alike.
static void text_of_either_width(void)
{
    TCHAR b[64];
    CHECK(_tcslen(_T("four")) == 4 && _tcsnlen(_T("four"), 2) == 2);
    expect(_tcscpy(b, TEXT("a")), _T("a"));
    expect(_tcscat(b, TEXT("bca")), _T("abca"));
    CHECK(_tcscmp(b, _T("abcb")) < 0 && _tcscmp(b, _T("abc")) > 0 && _tcsncmp(b, _T("abcd"), 3) == 0);
    CHECK(_tcschr(b, 'a') == b && _tcsrchr(b, 'a') == b + 3 && !_tcschr(b, 'x') && !_tcsrchr(b, 'x') && *_tcschr(b, 0) == 0);
    CHECK(_tcsstr(b, _T("bc")) == b + 1 && !_tcsstr(b, _T("bb")) && _tcsstr(b, _T("")) == b);
    _tcsncpy(b, _T("xy"), 4);
    CHECK(b[1] == 'y' && b[2] == 0 && b[3] == 0);
    CHECK(_ttoi(_T(" -42x")) == -42 && _tstoi(_T("2147483647")) == 2147483647);
    CHECK(_sntprintf(b, 64, _T("%d|%5d|%-5d|%05d|%+d|%x|%X|%o|%u"), -1, 42, 42, 42, 42, 255, 255, 8, 4294967295u) > 0);
    expect(b, _T("-1|   42|42   |00042|+42|ff|FF|10|4294967295"));
    CHECK(_sntprintf(b, 64, _T("%lld %llx %hd %zu"), -5000000000LL, 5000000000ULL, (short)-7, sizeof b) > 0);
    CHECK(_tcsstr(b, _T("-5000000000 12a05f200 -7 ")) == b);
    CHECK(_sntprintf(b, 64, _T("%s|%8s|%-4s|%.2s|%*s|%c|%%"), _T("abc"), _T("abc"), _T("ab"), _T("abcdef"), 4, _T("x"), 'y') > 0);
    expect(b, _T("abc|     abc|ab  |ab|   x|y|%"));
    CHECK(_sntprintf(b, 64, _T("%.2f %g %e"), 1.005e3, 0.5, 12345.0) > 0);
    expect(b, _T("1005.00 0.5 1.234500e+04"));
    CHECK(_sntprintf(b, 3, _T("%s"), _T("abc")) == 3 && b[2] == 'c');
    CHECK(_sntprintf(b, 2, _T("%s"), _T("abc")) == -1);
    CHECK(_stprintf_s(b, 4, _T("%s"), _T("abc")) == 3);
    expect(b, _T("abc"));
}

// What wide strings do besides.
static void wide_text(void)
{
    static const WCHAR smile[] = {0xD83D, 0xDE00, 0}, format[] = {'%', 's', '|', '%', 'h', 's', '|', '%', 'S', '|', '%', 'c', '|', '%', 'l', 's', 0};
    static const WCHAR three[] = {'%', '.', '3', 's', 0};
    WCHAR unended[3] = {'a', 'b', 'c'}, to[32];
    FILE *file = tmpfile();
    char line[64];
    int n = namedshm_fwprintf(file, format, smile, "narrow", "\xC3\xA9", 0xE9, smile);
    CHECK(n == (int)strlen("\xF0\x9F\x98\x80|narrow|\xC3\xA9|\xC3\xA9|\xF0\x9F\x98\x80"));
    rewind(file);
    CHECK(fgets(line, sizeof line, file) && !strcmp(line, "\xF0\x9F\x98\x80|narrow|\xC3\xA9|\xC3\xA9|\xF0\x9F\x98\x80"));
    fclose(file);
    CHECK(namedshm_snwprintf(to, 32, three, unended) == 3 && namedshm_wcslen(to) == 3);
    char *arguments[] = {"x", "\xF0\x9F\x98\x80", "\xFF", NULL};
    LPWSTR *w = namedshm_wide_arguments(3, arguments);
    CHECK(!namedshm_wcscmp(w[1], smile) && w[2][0] == 0xFFFD && !w[2][1] && !w[3]);
    for (int i = 0; i < 3; i++)
        free(w[i]);
    free(w);
}

static void words(void)
{
    LONG word = 5;
    LONG64 large = 5;
    CHECK(InterlockedIncrement(&word) == 6 && InterlockedDecrement(&word) == 5 && InterlockedExchange(&word, 7) == 5);
    CHECK(InterlockedExchangeAdd(&word, 3) == 7 && InterlockedCompareExchange(&word, 1, 9) == 10 && word == 10);
    CHECK(InterlockedCompareExchange(&word, 1, 10) == 10 && word == 1);
    CHECK(InterlockedIncrement64(&large) == 6 && InterlockedDecrement64(&large) == 5 && InterlockedExchange64(&large, 7) == 5);
    CHECK(InterlockedExchangeAdd64(&large, 3) == 7 && InterlockedCompareExchange64(&large, 1, 10) == 10 && large == 1);
    MemoryBarrier();
}

static void the_clock(void)
{
    LARGE_INTEGER before, after, frequency;
    ULONGLONG ticks = GetTickCount64();
    CHECK(QueryPerformanceFrequency(&frequency) && QueryPerformanceCounter(&before));
    Sleep(20);
    CHECK(QueryPerformanceCounter(&after));
    CHECK((after.QuadPart - before.QuadPart) * 1000 / frequency.QuadPart >= 20 && GetTickCount64() - ticks >= 19);
    CHECK(GetTickCount() - (DWORD)ticks < 60000);
    Sleep(0);
}

int main(int count, char **arguments)
{
    if (count == 1) {
        the_names();
        text_of_either_width();
        wide_text();
        words();
        the_clock();
        return 0;
    }
    for (int i = 1; i < count; i++) {
        char *mine = malloc(strlen(arguments[i]) + 3);
        WCHAR *w = wide(arguments[i]);
        CHECK(OpenEventA(SYNCHRONIZE, FALSE, arguments[i]) && OpenEventW(SYNCHRONIZE, FALSE, w));
        sprintf(mine, "%s-c", arguments[i]);
        WCHAR *both = wide(mine);
        CHECK(i % 2 ? CreateEventA(NULL, TRUE, FALSE, mine) : CreateEventW(NULL, TRUE, FALSE, both));
    }
    puts("ready");
    fflush(stdout);
    _getch();
    return 0;
}
