// Press TITLE waits for the message box of this title, prints the text in it, and presses its button, as a person would.

#include <windows.h>

#include <cstdio>

int main(int count, char **arguments)
{
    if (count != 2)
        return 2;
    HWND box = nullptr;
    for (int i = 0; i < 12000 && !box; i++) {
        box = FindWindowA("#32770", arguments[1]);
        if (!box)
            Sleep(10);
    }
    char text[1000];
    if (!box || !GetDlgItemTextA(box, 0xFFFF, text, sizeof text))
        return 1;
    std::printf("%s\n", text);
    return PostMessageA(box, WM_COMMAND, IDOK, 0) ? 0 : 1;
}
