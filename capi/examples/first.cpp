// The first of two programs, written for Windows and compiled on Linux as it is: it makes a section under a name, writes a
// message into it, and holds it until a key is pressed.

#include <windows.h>

#include <conio.h>
#include <stdio.h>
#include <tchar.h>

int _tmain()
{
    const TCHAR message[] = TEXT("Message from first process.");
    HANDLE section = CreateFileMapping(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 256,
                                       TEXT("Global\\MyFileMappingObject"));
    if (section == NULL) {
        _tprintf(TEXT("Could not create file mapping object (%d).\n"), GetLastError());
        return 1;
    }
    LPTSTR view = (LPTSTR)MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, 256);
    if (view == NULL) {
        _tprintf(TEXT("Could not map view of file (%d).\n"), GetLastError());
        CloseHandle(section);
        return 1;
    }
    CopyMemory(view, message, sizeof message);
    _getch();
    UnmapViewOfFile(view);
    CloseHandle(section);
    return 0;
}
