// Frames passes pictures from a camera to a viewer, by a section and an event: ../main.go in C++. It is written for
// Windows, and compiles with this project's C library as it is:
//
//     g++ -O2 frames.cpp $(pkg-config --cflags --libs namedshm) -o frames
//     x86_64-w64-mingw32-g++ -O2 -static frames.cpp -o frames.exe
//
//     ./frames camera [PER-SECOND]
//     ./frames viewer

#include <windows.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

// The section's layout, which ../layout.go has too, with what the word means and why this needs no lock. The name says
// its version and the size of the pictures.
constexpr int Width = 64, Height = 32;
const char Name[] = "Local\\Frames v1 64x32";

struct Frame {
    std::uint64_t number; // from 1
    std::uint8_t pixels[Height][Width];
};

struct Shared {
    std::atomic<std::uint32_t> word;
    char rest[60]; // the word has a cache line of its own
    Frame frames[3];
};
static_assert(sizeof(Shared) == 64 + 3 * (8 + Width * Height), "another layout than layout.go's");
static_assert(std::atomic<std::uint32_t>::is_always_lock_free, "a lock would be in one process only");

constexpr int Back = 0, Middle = 2, Front = 4; // where the numbers of the three frames are in the word
constexpr std::uint32_t Fresh = 1 << 6, Initial = 0 << Back | 1 << Middle | 2 << Front;

// swap exchanges the middle frame with another, and marks it.
void swap(Shared *s, int shift, std::uint32_t mark)
{
    std::uint32_t old = s->word, changed;
    do {
        std::uint32_t middle = old >> Middle & 3, mine = old >> shift & 3;
        changed = (old & ~(Fresh | 3u << Middle | 3u << shift)) | mine << Middle | middle << shift | mark;
    } while (!s->word.compare_exchange_weak(old, changed));
}

[[noreturn]] void fail(const char *what)
{
    std::fprintf(stderr, "frames: %s: error %lu\n", what, static_cast<unsigned long>(GetLastError()));
    std::exit(1);
}

template <typename T> T need(T made, const char *what)
{
    if (!made)
        fail(what);
    return made;
}

// What both sides open. The first side creates it, and the system closes it with the process.
struct Link {
    Shared *memory;
    HANDLE newFrame;                 // set with each frame; auto-reset, for one viewer
    HANDLE cameraLives, viewerLives; // owned by the one camera and the one viewer, for as long as they live

    Link()
    {
        HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE, 0, sizeof(Shared), Name);
        need(section, "section");
        memory = static_cast<Shared *>(need(MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, sizeof(Shared)), "view"));
        std::uint32_t none = 0;
        memory->word.compare_exchange_strong(none, Initial);
        newFrame = need(CreateEventA(nullptr, FALSE, FALSE, named(" new frame").text), "event");
        cameraLives = need(CreateMutexA(nullptr, FALSE, named(" camera").text), "mutex");
        viewerLives = need(CreateMutexA(nullptr, FALSE, named(" viewer").text), "mutex");
    }

  private:
    struct Text {
        char text[64];
    };
    static Text named(const char *what)
    {
        Text t;
        std::snprintf(t.text, sizeof t.text, "%s%s", Name, what);
        return t;
    }
};

// claim makes this process the one that owns the mutex. That another was killed (abandoned) does not matter: every
// step leaves the memory in order. The wait is for a viewer that has the camera's mutex for a moment, to see whether
// it is free.
void claim(HANDLE mutex, const char *what)
{
    DWORD got = WaitForSingleObject(mutex, 1000);
    if (got == WAIT_TIMEOUT) {
        std::fprintf(stderr, "frames: another %s runs\n", what);
        std::exit(1);
    }
    if (got != WAIT_OBJECT_0 && got != WAIT_ABANDONED)
        fail(what);
}

// paint stands for what a real camera sees: stripes that wander.
void paint(Frame &f)
{
    for (int y = 0; y < Height; y++)
        for (int x = 0; x < Width; x++)
            f.pixels[y][x] = static_cast<std::uint8_t>(4 * x + 8 * y + f.number);
}

// camera fills frames and gives them to the viewer, whether there is one or not.
void camera(int perSecond)
{
    Link l;
    claim(l.cameraLives, "camera");
    std::uint64_t number = 0; // it continues where the last one stopped
    for (const Frame &f : l.memory->frames)
        number = f.number > number ? f.number : number;
    for (;;) {
        Frame &f = l.memory->frames[l.memory->word >> Back & 3];
        f.number = ++number;
        paint(f);
        swap(l.memory, Back, Fresh);
        if (!SetEvent(l.newFrame))
            fail("set");
        Sleep(1000 / perSecond);
    }
}

void show(const Frame &f, std::uint64_t last)
{
    std::uint32_t sum = 2166136261u; // FNV-1a
    for (const auto &row : f.pixels)
        for (std::uint8_t pixel : row)
            sum = (sum ^ pixel) * 16777619u;
    std::uint64_t missed = last > 0 && f.number > last ? f.number - last - 1 : 0;
    std::printf("frame %llu, missed %llu, checksum %08x\n", static_cast<unsigned long long>(f.number),
                static_cast<unsigned long long>(missed), static_cast<unsigned>(sum));
    std::fflush(stdout);
}

// viewer prints a line for each frame. It sleeps until there is one, or until the camera is gone.
void viewer()
{
    Link l;
    claim(l.viewerLives, "viewer");
    HANDLE awaited[] = {l.newFrame, l.cameraLives};
    DWORD count = 2;
    for (std::uint64_t last = 0;;) {
        DWORD got = WaitForMultipleObjects(count, awaited, FALSE, INFINITE);
        if (got == WAIT_FAILED)
            fail("wait");
        if (l.memory->word & Fresh) {
            swap(l.memory, Front, 0);
            const Frame &f = l.memory->frames[l.memory->word >> Front & 3];
            show(f, last);
            last = f.number;
        }
        count = 2;
        if (got == WAIT_OBJECT_0 + 1 || got == WAIT_ABANDONED_0 + 1) { // nobody owns it, so no camera is running
            if (!ReleaseMutex(l.cameraLives))
                fail("release");
            std::printf("no camera\n");
            std::fflush(stdout);
            count = 1; // the next frame is another camera's
        }
    }
}

} // namespace

int main(int count, char **argument)
{
    if (count >= 2 && count <= 3 && !std::strcmp(argument[1], "camera")) {
        int perSecond = count == 3 ? std::atoi(argument[2]) : 30;
        if (perSecond >= 1 && perSecond <= 1000)
            camera(perSecond);
    } else if (count == 2 && !std::strcmp(argument[1], "viewer")) {
        viewer();
    }
    std::fprintf(stderr, "usage: frames camera [PER-SECOND, up to 1000] | frames viewer\n");
    return 2;
}
