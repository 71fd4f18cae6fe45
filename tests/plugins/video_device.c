/* One V4L2 camera for programs that open the file named by VIDEO_DEVICE, put before the C library by LD_PRELOAD.

   Against the kernel's own header, so it is what reads the structures that a program fills in, and a timer of the
   kernel's says when a picture is there, so it is the kernel's poll() that waits. The file's content says how the
   camera does, in words, and is read at each picture:

       unplugged   everything fails, as after the cable was pulled
       eio         taking a picture fails: the driver has an error of its own
       silent      no picture comes any more
       damaged     pictures are marked as such, and are incomplete
       half        pictures are half as long as they should be, unmarked
       wall        times are of the wall clock, as from drivers that do not say which clock they use
       small       the camera gives pictures of half the width and height, whatever is asked

   VIDEO_DEVICE with ".taken" after it says how many pictures were taken so far.

   A flat grey, brighter by STEP with each picture, with PADDING bytes after each line. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH = 320, HEIGHT = 240, RATE = 25, PADDING = 64, STEP = 4, MOST = 32 };

static int device = -1, streaming, requested, queued, order[MOST];
static uint32_t width, height, stride, size, sequence;
static unsigned char *memory[MOST];

static const char *path(void) { return getenv("VIDEO_DEVICE"); }

static int real_open(const char *name, int flags, mode_t mode)
{
    int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    return real(name, flags, mode);
}

static int does(const char *word)
{
    char text[200] = "";
    int fd = real_open(path(), O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return !strcmp(word, "unplugged");
    if (read(fd, text, sizeof text - 1) < 0)
        text[0] = 0;
    close(fd);
    return strstr(text, word) != NULL;
}

static void beat(int on)
{
    long step = on ? 1000000000L / RATE : 0;
    struct itimerspec every = {{0, step}, {0, step}};
    timerfd_settime(device, 0, &every, NULL);
}

static int opened(const char *name, int flags, mode_t mode)
{
    int fd = real_open(name, flags, mode);
    if (fd < 0 || !path() || strcmp(name, path()) || (flags & O_ACCMODE) != O_RDWR)
        return fd;
    close(fd);
    if (does("unplugged"))
        return errno = ENODEV, -1;
    if (device >= 0)
        return errno = EBUSY, -1;
    return device = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
}

#define OPENER(symbol)                                    \
    int symbol(const char *name, int flags, ...)          \
    {                                                     \
        va_list more;                                     \
        va_start(more, flags);                            \
        mode_t mode = flags & O_CREAT ? va_arg(more, int) : 0; \
        va_end(more);                                     \
        return opened(name, flags, mode);                 \
    }
OPENER(open)
OPENER(open64)

int close(int fd)
{
    static int (*real)(int);
    if (!real)
        real = (int (*)(int))dlsym(RTLD_NEXT, "close");
    if (fd >= 0 && fd == device) {
        device = -1;
        streaming = requested = queued = 0;
    }
    return real(fd);
}

static void *mapped(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
    static void *(*real)(void *, size_t, int, int, int, off_t);
    if (!real)
        real = (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap64");
    if (fd < 0 || fd != device)
        return real(at, length, protection, flags, fd, offset);
    int index = size ? (int)(offset / size) : MOST;
    if (length != size || index >= requested || !(flags & MAP_SHARED))
        return errno = EINVAL, MAP_FAILED;
    return memory[index] = real(NULL, length, protection, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
    return mapped(at, length, protection, flags, fd, offset);
}

void *mmap64(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
    return mapped(at, length, protection, flags, fd, offset);
}

static int refused(int number) { return errno = number, -1; }

static void count(void)
{
    static uint32_t taken;
    char name[4200], text[16];
    snprintf(name, sizeof name, "%s.taken", path());
    int fd = real_open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    int length = snprintf(text, sizeof text, "%u\n", ++taken);
    if (write(fd, text, length) != length)
        taken--;
    close(fd);
}

static int take(struct v4l2_buffer *buffer)
{
    uint64_t beats;
    struct timespec now;
    if (!streaming || buffer->type != V4L2_BUF_TYPE_VIDEO_CAPTURE || buffer->memory != V4L2_MEMORY_MMAP)
        return refused(EINVAL);
    if (does("eio"))
        return refused(EIO);
    if (does("silent")) {
        beat(0);
        return refused(EAGAIN);
    }
    if (read(device, &beats, sizeof beats) != sizeof beats)
        return refused(EAGAIN);
    sequence += beats;
    if (!queued)
        return refused(EAGAIN);
    int index = order[0];
    memmove(order, order + 1, --queued * sizeof order[0]);
    unsigned char grey = 16 + sequence * STEP % 200;
    for (uint32_t line = 0; line < height; line++) {
        unsigned char *row = memory[index] + line * stride;
        for (uint32_t at = 0; at < 2 * width; at += 2)
            row[at] = grey, row[at + 1] = 128;
        memset(row + 2 * width, 0xEE, stride - 2 * width);
    }
    int damaged = does("damaged"), wall = does("wall");
    clock_gettime(wall ? CLOCK_REALTIME : CLOCK_MONOTONIC, &now);
    buffer->index = index;
    buffer->bytesused = damaged || does("half") ? size / 2 : size;
    buffer->length = size;
    buffer->sequence = sequence;
    buffer->flags = V4L2_BUF_FLAG_MAPPED | (damaged ? V4L2_BUF_FLAG_ERROR : 0) |
                    (wall ? V4L2_BUF_FLAG_TIMESTAMP_UNKNOWN : V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC);
    buffer->timestamp.tv_sec = now.tv_sec;
    buffer->timestamp.tv_usec = now.tv_nsec / 1000;
    count();
    return 0;
}

static int asked(unsigned long request, void *argument)
{
    if (does("unplugged"))
        return refused(ENODEV);
    switch (request) {
    case VIDIOC_QUERYCAP: {
        struct v4l2_capability *told = argument;
        memset(told, 0, sizeof *told);
        strcpy((char *)told->driver, "made_up");
        strcpy((char *)told->card, "Made-up Camera");
        told->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        told->capabilities = told->device_caps | V4L2_CAP_DEVICE_CAPS | V4L2_CAP_META_CAPTURE;
        return 0;
    }
    case VIDIOC_ENUM_FMT: {
        struct v4l2_fmtdesc *told = argument;
        if (told->index || told->type != V4L2_BUF_TYPE_VIDEO_CAPTURE)
            return refused(EINVAL);
        told->pixelformat = V4L2_PIX_FMT_YUYV;
        strcpy((char *)told->description, "YUYV 4:2:2");
        return 0;
    }
    case VIDIOC_ENUM_FRAMESIZES: {
        struct v4l2_frmsizeenum *told = argument;
        if (told->index || told->pixel_format != V4L2_PIX_FMT_YUYV)
            return refused(EINVAL);
        told->type = V4L2_FRMSIZE_TYPE_DISCRETE;
        told->discrete.width = WIDTH, told->discrete.height = HEIGHT;
        return 0;
    }
    case VIDIOC_ENUM_FRAMEINTERVALS: {
        struct v4l2_frmivalenum *told = argument;
        if (told->index || told->width != WIDTH || told->height != HEIGHT)
            return refused(EINVAL);
        told->type = V4L2_FRMIVAL_TYPE_DISCRETE;
        told->discrete.numerator = 1, told->discrete.denominator = RATE;
        return 0;
    }
    case VIDIOC_S_FMT: {
        struct v4l2_format *wanted = argument;
        if (wanted->type != V4L2_BUF_TYPE_VIDEO_CAPTURE || requested)
            return refused(requested ? EBUSY : EINVAL);
        int part = does("small") ? 2 : 1;
        width = wanted->fmt.pix.width = WIDTH / part;
        height = wanted->fmt.pix.height = HEIGHT / part;
        stride = wanted->fmt.pix.bytesperline = 2 * width + PADDING;
        size = wanted->fmt.pix.sizeimage = (stride * height + 4095) / 4096 * 4096;
        wanted->fmt.pix.pixelformat = V4L2_PIX_FMT_YUYV;
        wanted->fmt.pix.field = V4L2_FIELD_NONE;
        return 0;
    }
    case VIDIOC_S_PARM: {
        struct v4l2_streamparm *wanted = argument;
        wanted->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
        wanted->parm.capture.timeperframe.numerator = 1;
        wanted->parm.capture.timeperframe.denominator = RATE;
        return 0;
    }
    case VIDIOC_REQBUFS: {
        struct v4l2_requestbuffers *wanted = argument;
        if (!size || streaming || wanted->memory != V4L2_MEMORY_MMAP)
            return refused(EINVAL);
        requested = wanted->count = wanted->count < MOST ? wanted->count : MOST;
        queued = 0;
        return 0;
    }
    case VIDIOC_QUERYBUF: {
        struct v4l2_buffer *buffer = argument;
        if ((int)buffer->index >= requested)
            return refused(EINVAL);
        buffer->length = size;
        buffer->m.offset = buffer->index * size;
        return 0;
    }
    case VIDIOC_QBUF: {
        struct v4l2_buffer *buffer = argument;
        if ((int)buffer->index >= requested || queued == MOST || !memory[buffer->index])
            return refused(EINVAL);
        order[queued++] = buffer->index;
        return 0;
    }
    case VIDIOC_DQBUF:
        return take(argument);
    case VIDIOC_STREAMON:
        if (*(int *)argument != V4L2_BUF_TYPE_VIDEO_CAPTURE || !queued)
            return refused(EINVAL);
        streaming = 1, sequence = 0;
        beat(1);
        return 0;
    case VIDIOC_STREAMOFF:
        streaming = queued = 0;
        beat(0);
        return 0;
    }
    return refused(ENOTTY);
}

int ioctl(int fd, unsigned long request, ...)
{
    static int (*real)(int, unsigned long, ...);
    va_list more;
    va_start(more, request);
    void *argument = va_arg(more, void *);
    va_end(more);
    if (!real)
        real = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    return fd >= 0 && fd == device ? asked((uint32_t)request, argument) : real(fd, request, argument);
}
