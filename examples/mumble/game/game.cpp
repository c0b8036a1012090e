// Game is a Windows program that publishes where its player is, as games do for Mumble's positional audio. It walks in a
// circle at the pace of a frame.
//
//     x86_64-w64-mingw32-g++ -static -o game.exe game.cpp
//     wine game.exe [FRAMES]

#include <windows.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cwchar>

struct LinkedMem {
    std::uint32_t uiVersion;
    std::uint32_t uiTick;
    float fAvatarPosition[3];
    float fAvatarFront[3];
    float fAvatarTop[3];
    wchar_t name[256];
    float fCameraPosition[3];
    float fCameraFront[3];
    float fCameraTop[3];
    wchar_t identity[256];
    std::uint32_t context_len;
    unsigned char context[256];
    wchar_t description[2048];
};

int main(int argc, char **argv)
{
    long frames = argc > 1 ? std::atol(argv[1]) : -1;
    HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE, 0, sizeof(LinkedMem), L"MumbleLink");
    if (!section)
        return 1;
    auto *link = static_cast<LinkedMem *>(MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, sizeof(LinkedMem)));
    if (!link)
        return 1;
    std::wcscpy(link->name, L"Walker");
    std::wcscpy(link->description, L"Walks in a circle.");
    link->uiVersion = 2;
    for (std::uint32_t tick = 1; frames < 0 || tick <= static_cast<std::uint32_t>(frames); tick++) {
        // Everything written follows from the tick, so that a reader can check whether it has one update or two halves.
        float angle = static_cast<float>(tick) / 100;
        float front[3] = {-std::sin(angle), 0, std::cos(angle)};
        for (int i = 0; i < 3; i++)
            link->fAvatarFront[i] = link->fCameraFront[i] = front[i];
        link->fAvatarPosition[0] = link->fCameraPosition[0] = static_cast<float>(tick);
        link->fAvatarPosition[1] = link->fCameraPosition[1] = 0;
        link->fAvatarPosition[2] = link->fCameraPosition[2] = static_cast<float>(tick) * 2;
        link->fAvatarTop[1] = link->fCameraTop[1] = 1;
        MemoryBarrier();
        link->uiTick = tick;
        Sleep(10);
    }
    return 0;
}
