/* UTF-8, UTF-16, and printf of UTF-16. */

#define _GNU_SOURCE
#include "guest.h"

#include "tchar.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT 0xFFFDu

/* A reader takes one character at a time from text of either width. What is not text is reported as such, once for
 * each longest part that could have begun a character, as Windows and the Unicode standard count. */
typedef struct {
    const void *at, *end;
    bool wide, bad; /* bad: there was something that is not text */
} reader;

static uint32_t next_unit(reader *r)
{
    const uint16_t *p = r->at, *end = r->end;
    uint32_t c = *p++;
    if (c >= 0xD800 && c < 0xDC00 && p < end && *p >= 0xDC00 && *p < 0xE000)
        c = 0x10000 + ((c - 0xD800) << 10) + (*p++ - 0xDC00);
    else if (c >= 0xD800 && c < 0xE000)
        r->bad = true, c = REPLACEMENT;
    r->at = p;
    return c;
}

static uint32_t next_byte(reader *r)
{
    const unsigned char *p = r->at, *end = r->end;
    uint32_t c = *p++;
    int more = c < 0x80 ? 0 : c >= 0xC2 && c < 0xE0 ? 1 : c >= 0xE0 && c < 0xF0 ? 2 : c >= 0xF0 && c < 0xF5 ? 3 : -1;
    /* The second byte keeps out what is too long, surrogates, and what is beyond Unicode. */
    unsigned char low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80, high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (more > 0)
        c &= 0x3F >> more;
    for (; more > 0 && p < end && *p >= low && *p <= high; more--) {
        c = c << 6 | (*p++ & 0x3F);
        low = 0x80, high = 0xBF;
    }
    if (more != 0)
        r->bad = true, c = REPLACEMENT;
    r->at = p;
    return c;
}

static uint32_t next(reader *r) { return r->wide ? next_unit(r) : next_byte(r); }

/* A writer puts characters as far as there is room, and counts them in any case. */
typedef struct {
    void *to;
    size_t room, length; /* in units of its width */
} writer;

static void put(writer *w, uint32_t unit, bool wide)
{
    if (w->length < w->room) {
        if (wide)
            ((uint16_t *)w->to)[w->length] = (uint16_t)unit;
        else
            ((char *)w->to)[w->length] = (char)unit;
    }
    w->length++;
}

static void put_wide(writer *w, uint32_t c)
{
    if (c >= 0x10000) {
        put(w, 0xD800 + ((c - 0x10000) >> 10), true);
        c = 0xDC00 + (c & 0x3FF);
    }
    put(w, c, true);
}

static void put_narrow(writer *w, uint32_t c)
{
    if (c < 0x80) {
        put(w, c, false);
        return;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    put(w, (0xFF00u >> (more + 1) & 0xFF) | c >> 6 * more, false);
    while (more-- > 0)
        put(w, 0x80 | (c >> 6 * more & 0x3F), false);
}

/* convert rewrites text in the other width and reports whether all of it was text. */
static bool convert(reader *r, writer *w)
{
    while (r->at < r->end)
        (r->wide ? put_narrow : put_wide)(w, next(r));
    return !r->bad;
}

static reader of_wide(LPCWSTR wide, size_t units) { return (reader){wide, wide + units, true, false}; }
static reader of_narrow(LPCSTR text, size_t bytes) { return (reader){text, text + bytes, false, false}; }

static char *narrow_part(LPCWSTR wide, size_t units)
{
    size_t room = 3 * units; /* one unit becomes three bytes at most, and a pair four */
    writer w = {malloc(room + 1), room, 0};
    reader r = of_wide(wide, units);
    if (!w.to)
        abort();
    convert(&r, &w);
    ((char *)w.to)[w.length] = 0;
    return w.to;
}

char *narrow(LPCWSTR wide) { return wide ? narrow_part(wide, namedshm_wcslen(wide)) : NULL; }

LPWSTR widen(LPCSTR text)
{
    if (!text)
        return NULL;
    size_t room = strlen(text); /* no byte becomes more than one unit */
    writer w = {malloc((room + 1) * sizeof(WCHAR)), room, 0};
    reader r = of_narrow(text, room);
    if (!w.to)
        abort();
    convert(&r, &w);
    ((LPWSTR)w.to)[w.length] = 0;
    return w.to;
}

/* The arguments live as long as the program, and are not a leak: each array is kept in a list. */
static struct kept {
    struct kept *previous;
    LPWSTR *array;
} *arrays;

LPWSTR *namedshm_wide_arguments(int count, char **arguments)
{
    LPWSTR *wide = malloc((count + 1) * sizeof *wide);
    struct kept *keep = malloc(sizeof *keep);
    if (!wide || !keep)
        abort();
    *keep = (struct kept){arrays, wide};
    arrays = keep;
    for (int i = 0; i < count; i++)
        wide[i] = widen(arguments[i]);
    wide[count] = NULL;
    return wide;
}

/* converted is the result of the two conversion calls. */
static int converted(reader r, void *to, int room, bool strict)
{
    writer w = {to, room < 0 ? 0 : (size_t)room, 0};
    if (!convert(&r, &w) && strict)
        return conclude(ERROR_NO_UNICODE_TRANSLATION);
    if (room > 0 && w.length > w.room)
        return conclude(ERROR_INSUFFICIENT_BUFFER);
    return (int)w.length;
}

/* wrong reports arguments that no conversion takes. The two buffers may not be one. */
static bool wrong(UINT page, const void *from, int length, const void *to, int room)
{
    return (page != CP_ACP && page != CP_UTF8) || !from || length == 0 || room < 0 || (room > 0 && !to) || from == to;
}

int WINAPI MultiByteToWideChar(UINT page, DWORD flags, LPCSTR text, int bytes, LPWSTR wide, int room)
{
    if (wrong(page, text, bytes, wide, room))
        return conclude(ERROR_INVALID_PARAMETER);
    if (flags & ~(DWORD)(MB_PRECOMPOSED | MB_ERR_INVALID_CHARS))
        return conclude(ERROR_INVALID_FLAGS);
    return converted(of_narrow(text, bytes < 0 ? strlen(text) + 1 : (size_t)bytes), wide, room,
                     flags & MB_ERR_INVALID_CHARS);
}

int WINAPI WideCharToMultiByte(UINT page, DWORD flags, LPCWSTR wide, int units, LPSTR text, int room, LPCSTR substitute,
                               LPBOOL substituted)
{
    /* Everything has its place in UTF-8, and nothing is substituted. */
    if (wrong(page, wide, units, text, room) || (page == CP_UTF8 && (substitute || substituted)))
        return conclude(ERROR_INVALID_PARAMETER);
    if (flags & ~(DWORD)WC_ERR_INVALID_CHARS)
        return conclude(ERROR_INVALID_FLAGS);
    if (substituted)
        *substituted = FALSE;
    return converted(of_wide(wide, units < 0 ? namedshm_wcslen(wide) + 1 : (size_t)units), text, room,
                     flags & WC_ERR_INVALID_CHARS);
}

/* The printf of wide strings turns format and strings into UTF-8 and leaves numbers to libc's. A conversion is one of
 * its directives. */
typedef struct {
    char text[64]; /* as libc is to be given it, without the letter */
    size_t length;
    int size; /* of an integer, in bytes; of a string, 1 or 2; 0 by default */
    char letter;
} conversion;

static void append(conversion *c, char letter)
{
    if (c->length < sizeof c->text - 4)
        c->text[c->length++] = letter;
}

static LPCWSTR number_or_star(LPCWSTR p, conversion *c, va_list *arguments)
{
    if (*p == '*') {
        char digits[16];
        snprintf(digits, sizeof digits, "%d", va_arg(*arguments, int));
        for (const char *d = digits; *d; d++)
            append(c, *d);
        return p + 1;
    }
    for (; *p >= '0' && *p <= '9'; p++)
        append(c, (char)*p);
    return p;
}

static bool starts(LPCWSTR p, const char *with)
{
    for (; *with; p++, with++)
        if (*p != (WCHAR)(unsigned char)*with)
            return false;
    return true;
}

/* parse reads a directive behind its percent sign. Sizes are those of Windows, where long has four bytes. */
static LPCWSTR parse(LPCWSTR p, conversion *c, va_list *arguments)
{
    static const struct {
        const char *name;
        int size;
    } sizes[] = {{"hh", 1}, {"h", 1}, {"ll", 8}, {"l", 2}, {"w", 2}, {"I64", 8}, {"I32", 4}, {"I", 8},
                 {"z", 8},  {"j", 8}, {"t", 8},  {"L", 16}};
    *c = (conversion){.text = "%", .length = 1};
    while (*p && *p < 128 && strchr("-+ #0", (int)*p))
        append(c, (char)*p++);
    p = number_or_star(p, c, arguments);
    if (*p == '.') {
        append(c, '.');
        p = number_or_star(p + 1, c, arguments);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (starts(p, sizes[i].name)) {
            c->size = sizes[i].size;
            p += strlen(sizes[i].name);
            break;
        }
    }
    c->letter = *p && *p < 128 ? (char)*p : 0;
    return *p ? p + 1 : p;
}

static void finish(conversion *c, const char *tail)
{
    memcpy(c->text + c->length, tail, strlen(tail) + 1);
}

static void print_string(FILE *file, conversion *c, va_list *arguments)
{
    bool wide = c->size ? c->size != 1 : c->letter == 's';
    const void *s = va_arg(*arguments, const void *);
    if (!s)
        wide = false, s = "(null)";
    /* A precision counts units of the string itself, which need not end with NUL when it has so many. */
    const char *point = memchr(c->text, '.', c->length);
    int most = point ? atoi(point + 1) : -1;
    char *text = wide       ? narrow_part(s, most < 0 ? namedshm_wcslen(s) : namedshm_wcsnlen(s, (size_t)most))
                 : most < 0 ? strdup(s)
                            : strndup(s, (size_t)most);
    if (!text)
        abort();
    if (point)
        c->length = (size_t)(point - c->text);
    finish(c, "s");
    fprintf(file, c->text, text);
    free(text);
}

static void print_character(FILE *file, conversion *c, va_list *arguments)
{
    bool wide = c->size ? c->size != 1 : c->letter == 'c';
    int value = va_arg(*arguments, int);
    WCHAR units[2] = {(WCHAR)value, 0};
    if (!wide) {
        finish(c, "c");
        fprintf(file, c->text, value);
        return;
    }
    char *text = narrow_part(units, 1);
    finish(c, "s");
    fprintf(file, c->text, text);
    free(text);
}

static void print_integer(FILE *file, conversion *c, va_list *arguments)
{
    bool is_signed = c->letter == 'd' || c->letter == 'i';
    long long value = c->size == 8 ? va_arg(*arguments, long long) : va_arg(*arguments, int);
    if (c->size != 8 && !is_signed)
        value = (unsigned)value;
    if (c->size == 1)
        value = is_signed ? (short)value : (unsigned short)value;
    finish(c, (char[]){'l', 'l', c->letter, 0});
    fprintf(file, c->text, value);
}

static void print(FILE *file, conversion *c, va_list *arguments)
{
    char letter[] = {c->letter, 0};
    switch (c->letter) {
    case '%':
        fputc('%', file);
        break;
    case 's':
    case 'S':
        print_string(file, c, arguments);
        break;
    case 'c':
    case 'C':
        print_character(file, c, arguments);
        break;
    case 'd':
    case 'i':
    case 'o':
    case 'u':
    case 'x':
    case 'X':
        print_integer(file, c, arguments);
        break;
    case 'p':
        fprintf(file, "%016llX", (unsigned long long)(uintptr_t)va_arg(*arguments, void *));
        break;
    case 'a':
    case 'A':
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
        finish(c, letter);
        fprintf(file, c->text, va_arg(*arguments, double));
        break;
    default:
        /* What it is to take from the arguments is unknown, and all that follows would be wrong. */
        fprintf(stderr, "namedshm: a wide printf has no %%%s\n", letter);
        abort();
    }
}

/* printed writes the whole as UTF-8 into memory that is to be freed. */
static char *printed(size_t *length, LPCWSTR format, va_list *arguments)
{
    char *text = NULL;
    FILE *file = open_memstream(&text, length);
    if (!file)
        abort();
    while (*format) {
        LPCWSTR plain = format;
        while (*format && *format != '%')
            format++;
        char *part = narrow_part(plain, (size_t)(format - plain));
        fputs(part, file);
        free(part);
        if (*format == '%') {
            conversion c;
            format = parse(format + 1, &c, arguments);
            print(file, &c, arguments);
        }
    }
    if (fclose(file) != 0)
        abort();
    return text;
}

int namedshm_vfwprintf(FILE *file, LPCWSTR format, va_list arguments)
{
    size_t length;
    va_list own;
    va_copy(own, arguments);
    char *text = printed(&length, format, &own);
    va_end(own);
    bool done = fwrite(text, 1, length, file) == length;
    free(text);
    return done ? (int)length : -1;
}

int namedshm_fwprintf(FILE *file, LPCWSTR format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = namedshm_vfwprintf(file, format, arguments);
    va_end(arguments);
    return n;
}

int namedshm_wprintf(LPCWSTR format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = namedshm_vfwprintf(stdout, format, arguments);
    va_end(arguments);
    return n;
}

/* fill puts as many of the units as there is room for, and a NUL if there is room for that too. */
static int fill(void *to, size_t room, const void *from, size_t length, size_t width)
{
    memcpy(to, from, (length < room ? length : room) * width);
    if (length < room)
        memset((char *)to + length * width, 0, width);
    return length <= room ? (int)length : -1;
}

static int fill_wide(LPWSTR to, size_t room, LPCWSTR format, va_list *arguments)
{
    size_t bytes;
    char *text = printed(&bytes, format, arguments);
    LPWSTR wide = widen(text);
    int n = fill(to, room, wide, namedshm_wcslen(wide), sizeof *wide);
    free(wide);
    free(text);
    return n;
}

static int fill_narrow(LPSTR to, size_t room, LPCSTR format, va_list arguments)
{
    char *text;
    int length = vasprintf(&text, format, arguments);
    if (length < 0)
        abort();
    int n = fill(to, room, text, (size_t)length, 1);
    free(text);
    return n;
}

/* all ends the program if not everything fitted in. */
static int all(int n, size_t room)
{
    if (n < 0 || (size_t)n >= room) {
        fputs("namedshm: _stprintf_s does not have enough room\n", stderr);
        abort();
    }
    return n;
}

int namedshm_snwprintf(LPWSTR to, size_t room, LPCWSTR format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = fill_wide(to, room, format, &arguments);
    va_end(arguments);
    return n;
}

int namedshm_swprintf_s(LPWSTR to, size_t room, LPCWSTR format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = fill_wide(to, room, format, &arguments);
    va_end(arguments);
    return all(n, room);
}

int namedshm_snprintf(LPSTR to, size_t room, LPCSTR format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = fill_narrow(to, room, format, arguments);
    va_end(arguments);
    return n;
}

int namedshm_sprintf_s(LPSTR to, size_t room, LPCSTR format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = fill_narrow(to, room, format, arguments);
    va_end(arguments);
    return all(n, room);
}
