/* SPDX-License-Identifier: BSD-3-Clause */
/* A capture file on its way to several workers: a ring of blocks in shared memory. The reader fills
 * a block with bytes of the file, and says of each frame in them where it lies and which worker it
 * is for; each worker takes the frames of its own list, in place, and gives the block back. A block
 * is filled again when all workers have given it back, so nothing is ever dropped: whoever is ahead
 * waits, on an eventfd of its own.
 *
 * The reader is a process of its own, or the workers are, in turn: then a block says how far the
 * file was read with it, and who has the turn goes on from the last one.
 *
 * The manager makes the memory and the eventfds. It also speaks for the dead: a worker that is gone
 * holds no block and no turn, and after a reader process that is gone nothing comes.
 *
 * All calls but frame_ring_bytes are on one process's own view of the ring, struct frame_ring. */
#ifndef SPLIFF_IPC_FRAME_RING_H
#define SPLIFF_IPC_FRAME_RING_H

#include "common/ipc/heritage.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* That who reads is ahead of a worker at most: the reader process, which always comes so far, and
 * workers in turn, none of which reads more than a few ahead of itself. While the logger has the
 * core of one of these, the others go on. */
#define FRAME_RING_BLOCKS         16u
#define FRAME_RING_BLOCKS_IN_TURN 64u
#define FRAME_RING_WAKE_BLOCKS    8u /* until then a worker sleeps, or the reader process does */
#define FRAME_RING_DATA_BYTES     (1024u * 1024) /* of the file, in a block */
#define FRAME_RING_FRAMES_MAX     (16u * 1024 + 8)

/* A frame of a block. */
struct frame_ring_frame {
    uint64_t ts_ns;  /* since 1970 */
    uint32_t offset; /* in the block's data, of `caplen` bytes */
    uint32_t caplen; /* below FRAME_RING_DATA_BYTES */
    uint32_t wirelen;
    uint32_t hash; /* of its flow, if hashed */
    uint16_t linktype;
    bool hashed;
};

/* So many bytes in front of a frame are overwritten by what is said of it. They may lie in front of
 * the block's data, but not in a frame that is still to be added. */
#define FRAME_RING_HEAD_BYTES 16u

enum frame_ring_role {
    FRAME_RING_WORKER,  /* takes: of the blocks it may only read */
    FRAME_RING_IN_TURN, /* takes, and has its turn to fill */
    FRAME_RING_READER,  /* fills, or is the manager */
};

struct frame_ring_block; /* in shared memory, and */
struct frame_ring_entry;
struct frame_ring_control;

struct frame_ring {
    uint32_t n_workers;
    struct frame_ring_control *control;
    uint8_t *blocks;
    size_t block_bytes;
    enum frame_ring_role role;
    uint32_t ahead_max;                   /* blocks; the above, by the role */
    int reader_fd;                        /* eventfd that wakes the reader, -1: not known here */
    int worker_fds[HERITAGE_WORKERS_MAX]; /* eventfds that wake workers, the same; all borrowed */
    struct frame_ring_block *filling;     /* reader: the block that it has taken, */
    uint32_t n_frames;                    /* how many frames it has by now, */
    uint32_t n_of[HERITAGE_WORKERS_MAX];  /* and of each worker: others may write there, too */
    uint32_t turn_of;                     /* in turn, if so: the worker that fills */
};

/* Size of the memory for so many workers; zeroed it is an empty ring. */
size_t frame_ring_bytes(uint32_t n_workers);

/* Maps the ring. The eventfds are the caller's to set. 0 or -errno; -EINVAL if the memory is too
 * small. */
int frame_ring_open(struct frame_ring *r, int memory_fd, uint32_t n_workers,
                    enum frame_ring_role role);
void frame_ring_close(struct frame_ring *r);

/* How far the file was read; what the numbers mean is the readers' own business. */
struct frame_ring_place {
    uint64_t offset;
    uint64_t frames;
};

/* Worker: takes the turn to fill the next block, that is, to call what is for the reader until
 * frame_ring_turn_end. *place is where to go on, zeros at the start. False: another one has the
 * turn, no block is free, or nothing more is to be read. */
bool frame_ring_turn(struct frame_ring *r, uint32_t worker, struct frame_ring_place *place);

/* Passes the block on, also one without frames, and then the turn; `last`: nothing comes after it,
 * and nobody gets the turn again. */
void frame_ring_turn_end(struct frame_ring *r, const struct frame_ring_place *place, bool last);

/* Worker: blocks that it has not given back. */
uint32_t frame_ring_ahead(const struct frame_ring *r, uint32_t worker);

/* Reader: an empty block to be filled, the one already taken if it has no frames yet. Its
 * FRAME_RING_DATA_BYTES, or NULL: a worker is behind. The reader's eventfd then tells when it is
 * worth another try. */
uint8_t *frame_ring_take(struct frame_ring *r);

/* Reader: adds a frame to the block taken last, for worker `owner`. At most FRAME_RING_FRAMES_MAX.
 */
void frame_ring_add(struct frame_ring *r, const struct frame_ring_frame *f, uint32_t owner);

/* The same for all workers, each is to look itself. */
void frame_ring_add_to_all(struct frame_ring *r, const struct frame_ring_frame *f);

/* Reader: frames in the block taken last that were not yet passed on. */
uint32_t frame_ring_filled(const struct frame_ring *r);

/* Reader: passes that block on, if it has frames. Its bytes may still be read until the next take
 * but one. */
void frame_ring_publish(struct frame_ring *r);

/* Reader: it is about to wait itself. Wakes workers that sleep though they have a block. */
void frame_ring_rest(struct frame_ring *r);

/* Reader, or manager for it: nothing more will be published. */
void frame_ring_end(struct frame_ring *r);

/* Manager: this worker will take nothing more. */
void frame_ring_leave(struct frame_ring *r, uint32_t worker);

/* Workers that have not left. */
uint32_t frame_ring_present(const struct frame_ring *r);

/* What a worker has of a block: everything that the reader could change was read once and checked,
 * but for the frames, which frame_ring_frame looks at. */
struct frame_ring_list {
    const struct frame_ring_block *block;
    const struct frame_ring_entry *entries; /* in the block */
    uint32_t n;
    uint64_t last_ns; /* time of the last frame of the block, whoever's it is */
};

/* Worker: the oldest block that it has not given back. 1 and *out; 0 if there is none now: its
 * eventfd tells when; -ENODATA after the last one; -EPROTO if what the reader wrote cannot be. */
int frame_ring_next(struct frame_ring *r, uint32_t worker, struct frame_ring_list *out);

/* Worker: asks memory for frame i of its list, if it has one, before frame_ring_frame. */
void frame_ring_prefetch(const struct frame_ring *r, const struct frame_ring_list *list,
                         uint32_t i);

/* Worker: frame i of its list, borrowed until the block is given back. *data is where it lies.
 * False if it is not inside the block. */
bool frame_ring_frame(const struct frame_ring *r, const struct frame_ring_list *list, uint32_t i,
                      struct frame_ring_frame *out, const uint8_t **data);

/* Worker: it has done with the block that frame_ring_next told of. */
void frame_ring_give_back(struct frame_ring *r, uint32_t worker);

/* Empties an eventfd after a sleep on it. */
void frame_ring_woken(int fd);

#endif
