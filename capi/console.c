/* Keys, and the message box. */

#define _GNU_SOURCE
#include "guest.h"

#include "conio.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* byte_read reads one byte of standard input, or gives EOF. */
static int byte_read(void)
{
    unsigned char byte;
    for (;;) {
        ssize_t n = read(STDIN_FILENO, &byte, 1);
        if (n == 1)
            return byte;
        if (n == 0 || errno != EINTR)
            return EOF;
    }
}

/* signal_of is the signal that a key of the terminal makes, or 0. */
static int signal_of(const struct termios *terminal, int key)
{
    if (!(terminal->c_lflag & ISIG) || key == _POSIX_VDISABLE)
        return 0;
    return key == terminal->c_cc[VINTR]   ? SIGINT
           : key == terminal->c_cc[VQUIT] ? SIGQUIT
           : key == terminal->c_cc[VSUSP] ? SIGTSTP
                                          : 0;
}

/* at_once makes the terminal give each key as it is pressed, and keep it from the screen. Keys that make a signal
 * come as keys: a signal that ended the program here would leave the terminal as it is now. */
static struct termios at_once(const struct termios *before)
{
    struct termios now = *before;
    now.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
    now.c_iflag &= ~(tcflag_t)ICRNL; /* Enter is a carriage return, as in Windows */
    now.c_cc[VMIN] = 1;
    now.c_cc[VTIME] = 0;
    return now;
}

int key_pressed(void)
{
    struct termios before, now;
    int key;
    if (tcgetattr(STDIN_FILENO, &before) != 0) {
        while (byte_read() != EOF)
            ;
        return EOF;
    }
    for (;;) {
        now = at_once(&before);
        tcsetattr(STDIN_FILENO, TCSANOW, &now);
        key = byte_read();
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
        int number = signal_of(&before, key);
        if (number == 0)
            return key;
        kill(0, number); /* to the whole foreground group, as the terminal does */
    }
}

int _getch(void)
{
    fflush(stdout); /* as a read from a terminal through stdio does: what it asks for is to be seen */
    return key_pressed();
}

int _kbhit(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    struct termios before, now;
    bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    if (terminal) {
        now = at_once(&before);
        tcsetattr(STDIN_FILENO, TCSANOW, &now);
    }
    int ready = poll(&input, 1, 0);
    if (terminal)
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
    return ready > 0;
}

/* The message box. The desktop's own dialog programs show it. */

typedef struct {
    char *const *arguments;
    int input;      /* its standard input */
    int complaints; /* its standard error */
    sigset_t mask;  /* of the program, for the dialog */
} dialog;

/* run_dialog runs in a child. It runs the dialog in a child of its own and ends as that ends. */
static int run_dialog(void *p)
{
    dialog *d = p;
    int status;
    for (int number = 1; number < NSIG; number++) {
        struct sigaction now;
        if (sigaction(number, NULL, &now) == 0 && (now.sa_handler != SIG_IGN || number == SIGCHLD))
            signal(number, SIG_DFL);
    }
    pid_t child = vfork();
    if (child == 0) {
        dup2(d->input, STDIN_FILENO);
        dup2(d->complaints, STDERR_FILENO);
        sigprocmask(SIG_SETMASK, &d->mask, NULL);
        execvp(d->arguments[0], d->arguments);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        _exit(127);
    _exit(WEXITSTATUS(status));
}

/* run runs a dialog and gives its status. The program is not to hear of a child that it did not make: neither by
 * SIGCHLD, nor by a wait for any child. A child made to announce its end by no signal is met by no such wait; but one
 * that becomes another program announces its end again. Hence the one between. */
static int run(dialog *d)
{
    enum { size = 64 << 10 };
    sigset_t all;
    int status;
    char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        return 127;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &d->mask); /* no handler of the program may run in the child */
    pid_t child = clone(run_dialog, stack + size, 0, d);
    pthread_sigmask(SIG_SETMASK, &d->mask, NULL);
    munmap(stack, size);
    if (child < 0)
        return 127;
    while (waitpid(child, &status, __WCLONE) < 0)
        if (errno != EINTR)
            return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

/* shown reports whether a dialog was seen. Closed by its frame it gives 1, which is as good as OK; but if it could
 * not show anything it gives 1 as well, with a message about the display. Its standard input has the text. */
static bool shown(char *const *arguments, const char *text)
{
    char said[4096] = "";
    bool seen = false;
    FILE *input = tmpfile(), *complaints = tmpfile();
    if (input && complaints && fputs(text, input) >= 0 && fflush(input) == 0) {
        rewind(input);
        dialog d = {.arguments = arguments, .input = fileno(input), .complaints = fileno(complaints)};
        int status = run(&d);
        rewind(complaints);
        said[fread(said, 1, sizeof said - 1, complaints)] = 0;
        seen = status == 0 || (status == 1 && !strstr(said, "display"));
    }
    if (input)
        fclose(input);
    if (complaints)
        fclose(complaints);
    return seen;
}

/* marked_up is the text for kdialog, which interprets what looks like HTML as HTML, and backslash sequences as
 * characters: HTML in which nothing is left to be taken for anything. */
static char *marked_up(const char *text)
{
    char *out = NULL;
    size_t length;
    FILE *file = open_memstream(&out, &length);
    if (!file)
        abort();
    fputs("<qt><div style=\"white-space:pre-wrap\">", file);
    for (; *text; text++) {
        if (strchr("<>&\"'\\", *text))
            fprintf(file, "&#%d;", *text);
        else
            fputc(*text, file);
    }
    fputs("</div></qt>", file);
    fclose(file);
    return out;
}

static char *joined(const char *first, const char *second)
{
    char *s;
    if (asprintf(&s, "%s%s", first, second) < 0)
        abort();
    return s;
}

static bool on_desktop(const char *text, const char *title, UINT type)
{
    const char *display = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");
    bool x11 = display && *display;
    if (!x11 && !(wayland && *wayland))
        return false;
    const char *kind = (type & 0xF0) == MB_ICONERROR ? "--error" : (type & 0xF0) == MB_ICONWARNING ? "--warning" : "--info";
    char *titled = joined("--title=", title), *worded = joined("--text=", text), *html = marked_up(text);
    char *zenity[] = {"zenity", (char *)kind, "--no-markup", "--no-wrap", titled, worded, NULL};
    char *kdialog[] = {"kdialog", "--title", (char *)title, "--msgbox", html, NULL};
    char *xmessage[] = {"xmessage", "-center",  "-title", (char *)title, "-buttons", "OK:0",
                        "-default", "OK", "-file",  "-",           NULL};
    bool done = shown(zenity, text) || shown(kdialog, text) || (x11 && shown(xmessage, text));
    free(titled);
    free(worded);
    free(html);
    return done;
}

int WINAPI MessageBoxA(HWND owner, LPCSTR text, LPCSTR title, UINT type)
{
    (void)owner;
    if (type & 0x0F) {
        SetLastError(ERROR_INVALID_PARAMETER); /* there is the one button OK */
        return 0;
    }
    text = text ? text : "";
    title = title ? title : "Error";
    if (on_desktop(text, title, type))
        return IDOK;
    fflush(stdout);
    fprintf(stderr, "%s\n\n%s\n\n[ OK ]\n", title, text);
    key_pressed();
    return IDOK;
}

int WINAPI MessageBoxW(HWND owner, LPCWSTR text, LPCWSTR title, UINT type)
{
    char *narrow_text = narrow(text), *narrow_title = narrow(title);
    int pressed = MessageBoxA(owner, narrow_text, narrow_title, type);
    free(narrow_text);
    free(narrow_title);
    return pressed;
}
