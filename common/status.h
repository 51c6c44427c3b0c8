/*
 * Result codes of every fallible function on both sides of the node's link.
 *
 * A function that can fail returns `enum status`; SSM_MUST_CHECK makes ignoring it a build error.
 * Look-ups return a pointer or NULL, and questions return bool.
 */
#ifndef SSM_STATUS_H
#define SSM_STATUS_H

enum status {
    SSM_OK = 0,
    SSM_TRUNCATED,   /* the input ends before the field that is being read */
    SSM_NO_ROOM,     /* the output buffer, a table or a queue is full */
    SSM_MALFORMED,   /* the input breaks the format */
    SSM_UNSUPPORTED, /* well formed, but a version, suite or role that we do not do */
    SSM_BAD_TAG,     /* an authentication tag did not verify */
    SSM_REPLAYED,    /* authentic, but its number was seen before or is too old */
    SSM_EXHAUSTED,   /* a counter reached its limit: its key may seal no more */
    SSM_REFUSED,     /* policy or the other side said no */
    SSM_NOT_FOUND,   /* no such node, subscriber, session or row */
    SSM_EXISTS,      /* that name is taken */
    SSM_IO,          /* a system call or a library failed; the log says how */
};

#define SSM_MUST_CHECK __attribute__((warn_unused_result))

#endif
