/*
 * Association and hand-over between a node and the two processes of its gateway, as common/PROTOCOL.md says and
 * common/assoc.c, daemon/core (nodes_association.c, nodes_control.c, delegation_handover.c, relay_*.c) and
 * node-firmware/core (node_join.c, node_control.c) do it.
 *
 * One process takes one event at a time, each of them atomic as it is in the code. Whatever was ever sent under keys that
 * someone still holds may arrive at any time, any number of times, in any order, or never: loss, duplication, delay,
 * reordering and replay are all the same here. Any of `keys`, `relay` and the node may end at any moment and start again
 * over what was durable. Cryptography is perfect: a message is known by the association under whose keys it is.
 *
 * After every event the properties of check() must hold, and from every state that is reached recover() must lead back to
 * a node that is associated, agrees with its gateway about what lives, and takes another key block. That is "no lock-out":
 * whatever has happened, once datagrams arrive again everything works again. What recover() does is only what timers and
 * the next datagrams do by themselves.
 *
 * Left out: numbers that are used up, stores that fail, relayed records, and the crash between a session's end and the
 * moment at which its row is gone (the peer has been told by then; the row ends by the idle time-out or an eviction).
 *
 * Bounds are given with -D; FAULT_... plants a fault, all of which must be found.
 */
#ifndef JOINS
#define JOINS 3 /* association counters that are used before recover() */
#endif
#ifndef ASKED
#define ASKED 5 /* requests that the gateway seals before */
#endif
#ifndef SESSIONS
#define SESSIONS 2
#endif
#ifndef SLOTS
#define SLOTS 1
#endif
#ifndef REBOOTS
#define REBOOTS 1 /* of the node */
#endif
#ifndef CRASHES
#define CRASHES 1 /* of keys, of relay, or of both at once */
#endif
#ifndef ANSWERS
#define ANSWERS 4 /* associations that are answered before */
#endif

#define MAX_JOIN (JOINS + 4) /* recover() needs a few more of each */
#define MAX_ASKED (ASKED + 5)
#define MAX_SESSION (SESSIONS + 1)
#define LAST (SLOTS - 1)
#define ROUNDS_MAX 50
#define NONE 255

/* ---- node: durable, then memory ---- */
byte n_stored;        /* association counter */
byte n_life;          /* ghost: how often it has begun */
bool n_is_on;
byte n_boot;          /* boot id: what was stored when this life began */
byte n_join;          /* 0 idle, 1 requesting, 2 confirming */
byte n_counter;       /* of the latest attempt */
byte n_pending;       /* association that waits for its first message; 0: none */
byte n_present;       /* the confirmed one; 0: none */
byte n_step;          /* ratchet of the present one */
bool n_has_before;    /* and the key of the step before */
byte n_last;          /* the latest request of the gateway under the present one; 0: none */
bool n_is_mute;       /* that was acknowledged as often as it ever will be */
byte n_slot[SLOTS];   /* session number; 0: free */
bool n_closed[SLOTS]; /* ended here, to be reported */

/* ---- keys: durable, then memory ---- */
byte k_accepted; /* highest association counter */
byte k_boot;
byte k_number;   /* session numbers given out */
byte k_pending;  /* the association that was answered; 0: none */
bool k_is_confirmed; /* it has become the present one */
byte k_assoc;    /* present association; 0: none */
byte k_step;
byte k_ask;      /* the request that waits for its acknowledgement; 0: none */
bool k_settles[SLOTS]; /* the slots of which its acknowledgement says what the node holds */
bool k_live_due;
bool k_silent;   /* the node has not answered the last live list; it is asked again after a sign of life */
byte k_slot[SLOTS];
bool k_stale[SLOTS];
byte k_queued;   /* 0: no handshake waits; 1: it wants any slot; 2: it comes from the 5-tuple of the session in slot 0 */
byte k_commit;   /* session whose COMMIT is on its way to relay; 0: none */
byte k_told_boot = NONE; /* the news of an association on its way to relay: its boot id; NONE: none */
byte k_told_counter;
#ifdef FAULT_REBOOT_TOLD_ONCE
bool k_told_close; /* only this one message says that the node has begun a new life */
#endif

/* ---- relay: durable ---- */
byte r_generation;     /* association counter of the node's tag key */
byte r_row[SLOTS];     /* session number of the row of each slot; 0: none */

/* ---- what was ever sent ---- */
byte answer_to[MAX_JOIN + 4]; /* of each association that was answered: the request's counter; 0: of no use any more */
byte answers;
bool is_confirm_sent; /* for k_pending */
byte asked;           /* requests sealed by the gateway */
byte a_assoc[MAX_ASKED]; /* of each: association; 0: nobody can open it any more */
byte a_step[MAX_ASKED];
byte a_session[MAX_ASKED]; /* key block of this session; 0: a live list */
byte a_slot[MAX_ASKED];
bool a_replaces[MAX_ASKED];
byte a_list[MAX_ASKED];    /* live list: bit s: session s */
bool a_taken[MAX_ASKED];   /* the node has accepted its counter, and its acknowledgement was sent */
bool a_is_good[MAX_ASKED]; /* that says installed, or done */

/* ---- ghosts ---- */
bool believes[MAX_SESSION + 1]; /* the peer takes this session for up */
byte in_life[MAX_SESSION + 1];  /* life of the node in which it was installed; 0: not yet */
byte k_life;                    /* life of the node in the latest association that was confirmed */
byte life_of[MAX_JOIN + 1];     /* of the node when it used this counter */
byte boot_of[MAX_JOIN + 1];
bool was_derived[MAX_JOIN + 4]; /* keys of this association: by the node, by the gateway */
bool was_begun[MAX_JOIN + 4];
byte reboots, crashes;
bool is_calm; /* recover() is at work */
byte i, j, r, s, c, rounds, probe; /* of use inside an event alone */

#define HAS(x) (n_slot[0] == (x) || n_slot[LAST] == (x))

/* ---- properties ---- */

inline check()
{
    /* Both sides agree on the boot id, and are at most one ratchet step apart. */
    assert(k_assoc == 0 || k_assoc != n_present || (k_boot == n_boot && k_life == n_life));
    assert(k_assoc == 0 || k_assoc != n_present || n_step == k_step || (n_step == k_step + 1 && n_has_before));
    for (c : 1 .. MAX_SESSION) {
        /* Whoever believes in a session has one: the node holds its keys, unless it has begun a new life... */
        assert(!believes[c] || in_life[c] != n_life || HAS(c));
        /* ...of which the gateway has not heard yet. */
        assert(!believes[c] || in_life[c] == k_life || k_assoc == 0 || k_told_boot != NONE)
    }
}

/* ---- what is of no use any more, forgotten, so that states meet ---- */

inline forget()
{
    for (i : 1 .. answers) {
        if
        :: answer_to[i] != 0 && (answer_to[i] != n_counter || n_join != 1) && i != k_pending && i != n_pending &&
           i != n_present && i != k_assoc -> answer_to[i] = 0; was_derived[i] = false; was_begun[i] = false
        :: else
        fi
    }
    for (i : 1 .. n_counter) {
        if
        :: i <= k_accepted && i != n_counter && i != answer_to[k_pending] -> life_of[i] = 0; boot_of[i] = 0
        :: else
        fi
    }
    for (i : 1 .. asked) {
        if
        :: a_assoc[i - 1] != 0 && a_assoc[i - 1] != n_pending && a_assoc[i - 1] != n_present && i != k_ask ->
            a_assoc[i - 1] = 0; a_step[i - 1] = 0; a_session[i - 1] = 0; a_slot[i - 1] = 0;
            a_replaces[i - 1] = false; a_list[i - 1] = 0; a_taken[i - 1] = false; a_is_good[i - 1] = false
        :: else
        fi
    }
}

/* ---- node ---- */

inline node_join_begin()
{
#ifdef FAULT_COUNTER_NOT_DURABLE
    n_counter = n_counter + 1;
    if
    :: n_life == 1 -> skip /* lost with the node's first life */
    :: else -> n_stored = n_counter
    fi;
#else
    n_stored = n_stored + 1;
    n_counter = n_stored;
#endif
    life_of[n_counter] = n_life;
    boot_of[n_counter] = n_boot;
    n_join = 1;
    n_pending = 0;
    printf("node     -> gateway  REQUEST counter %d\n", n_counter)
}

inline node_start()
{
    n_is_on = true;
    n_life = n_life + 1;
    n_boot = n_stored;
    n_counter = n_stored;
    n_present = 0; n_step = 0; n_has_before = false; n_last = 0; n_is_mute = false;
    for (i : 0 .. LAST) {
        n_slot[i] = 0;
        n_closed[i] = false
    }
    printf("node     begins life %d\n", n_life);
    node_join_begin()
}

inline node_on_answer(g)
{
    assert(!was_derived[g]);
    was_derived[g] = true;
    n_pending = g;
    n_join = 2;
    if
    :: g == k_pending -> is_confirm_sent = true
    :: else
    fi;
    printf("gateway  -> node     ANSWER %d; node -> gateway CONFIRM boot %d\n", g, n_boot)
}

inline node_confirmed()
{
    n_present = n_pending;
    n_pending = 0;
    n_join = 0;
    n_step = 0;
    n_has_before = false;
    n_last = 0;
    printf("node     association %d is confirmed\n", n_present)
}

inline node_take_keyblock(m)
{
    s = a_session[m];
    i = a_slot[m];
    if
    :: HAS(s) -> a_is_good[m] = false; printf("node     refuses key block of session %d\n", s)
    :: !HAS(s) && !a_replaces[m] && n_slot[i] != 0 && !n_closed[i] ->
        a_is_good[m] = false; printf("node     has no room for session %d\n", s)
    :: else ->
        assert(in_life[s] == 0); /* a session number is never installed twice */
        in_life[s] = n_life;
        n_slot[i] = s;
        n_closed[i] = false;
        a_is_good[m] = true;
        printf("gateway  -> node     KEY BLOCK %d: session %d is installed\n", m + 1, s);
        if
        :: a_step[m] == n_step ->
            n_step = n_step + 1;
#ifndef FAULT_NO_OLD_RATCHET_KEY
            n_has_before = true
#endif
        :: else
        fi
    fi
}

inline node_take_list(m)
{
    for (i : 0 .. LAST) {
        if
        :: n_slot[i] != 0 && (a_list[m] & (1 << n_slot[i])) == 0 -> n_slot[i] = 0; n_closed[i] = false
        :: else
        fi
    }
    a_is_good[m] = true;
    printf("gateway  -> node     LIVE LIST %d: sessions %d (bits)\n", m + 1, a_list[m])
}

/* Can the node open request m, and is it one to obey? */
#define OPENS_PENDING(m) (n_is_on && n_join == 2 && a_assoc[m] == n_pending && a_assoc[m] != 0 && a_step[m] == 0)
#define OPENS_PRESENT(m)                                                                                               \
    (n_is_on && a_assoc[m] != 0 && a_assoc[m] == n_present &&                                                          \
     (a_step[m] == n_step || (n_has_before && a_step[m] + 1 == n_step)))
#ifdef FAULT_LATE_REQUEST_OBEYED
#define IS_LATE(m) false
#else
#define IS_LATE(m) (m + 1 < n_last)
#endif

#ifdef FAULT_NO_REPLAY_WINDOW
#define IS_REPLAY(m) false
#else
#define IS_REPLAY(m) a_taken[m]
#endif

inline node_on_request(m)
{
    if
    :: OPENS_PENDING(m) -> node_confirmed()
    :: else
    fi;
    if
    :: a_step[m] == n_step -> n_has_before = false
    :: else
    fi;
    a_taken[m] = true;
    if
    :: IS_LATE(m) -> a_is_good[m] = false
    :: else ->
        n_last = m + 1;
        n_is_mute = false;
        if
        :: a_session[m] != 0 -> node_take_keyblock(m)
        :: else -> node_take_list(m)
        fi
    fi
}

inline node_close(slot) /* the peer's close_notify, or nobody used it for 30 s */
{
    n_closed[slot] = true;
    printf("node     session %d has ended, node -> gateway CLOSED\n", n_slot[slot])
}

/* ---- keys ---- */

inline exchange_end(settled)
{
    for (j : 0 .. LAST) {
        if
        :: k_settles[j] -> k_stale[j] = !settled
        :: else
        fi;
        k_settles[j] = false
    }
    k_ask = 0
}

inline seal()
{
    asked = asked + 1;
    k_ask = asked;
    a_assoc[asked - 1] = k_assoc;
    a_step[asked - 1] = k_step
}

inline keys_send_keyblock()
{
    j = 0;
    if
    :: k_slot[0] != 0 && k_queued != 2 && SLOTS > 1 -> j = LAST
    :: else
    fi;
    k_number = k_number + 1;
    seal();
    a_session[asked - 1] = k_number;
    a_slot[asked - 1] = j;
    k_settles[j] = true;
    a_replaces[asked - 1] = (k_slot[j] != 0 || k_stale[j]);
    believes[k_slot[j]] = false; /* its peer is this one, and has come again */
    k_queued = 0;
    printf("gateway  seals KEY BLOCK %d of session %d\n", asked, k_number);
#ifdef FAULT_RELEASE_BEFORE_ACK
    believes[k_number] = true; r_row[j] = k_number;
#endif
}

inline keys_send_list()
{
    seal();
    for (j : 0 .. LAST) {
        if
        :: k_slot[j] != 0 -> a_list[asked - 1] = a_list[asked - 1] | (1 << k_slot[j])
        :: else
        fi;
        k_settles[j] = true
    }
    k_live_due = false;
    printf("gateway  seals LIVE LIST %d: sessions %d (bits)\n", asked, a_list[asked - 1])
}

#define IS_LIST_OUT (k_ask != 0 && a_session[k_ask - 1] == 0)
#define IS_STALE (k_stale[0] || k_stale[LAST])
#define HAS_SLOT (k_slot[0] == 0 || k_slot[LAST] == 0 || k_queued == 2)

/* handover_advance(); `asked` is bounded, so that a state may wait for recover(). */
inline keys_advance()
{
    if
    :: k_assoc != 0 && k_ask == 0 && (asked < ASKED || is_calm) ->
        if
        :: k_queued != 0 && !k_live_due && HAS_SLOT && k_commit == 0 -> keys_send_keyblock()
        :: else ->
            if
            :: (k_live_due || IS_STALE) && !k_silent -> keys_send_list()
            :: else
            fi
        fi
    :: else
    fi
}

inline keys_on_request(a)
{
    if
    :: k_pending == 0 || k_is_confirmed || answer_to[k_pending] < a ->
        answers = answers + 1;
        answer_to[answers] = a;
        k_pending = answers;
        k_is_confirmed = false;
        is_confirm_sent = false;
        printf("node     -> gateway  REQUEST counter %d; gateway answers %d\n", a, answers);
#ifdef FAULT_REQUEST_CHANGES_ASSOCIATION
        k_assoc = answers; k_step = 0; k_ask = 0; k_live_due = true; k_boot = boot_of[a]; k_accepted = a;
#endif
    :: else
    fi
}

inline keys_fail_handover()
{
    if
    :: k_ask != 0 && a_session[k_ask - 1] != 0 ->
        printf("gateway  gives session %d up\n", a_session[k_ask - 1]);
        exchange_end(false)
    :: else
    fi
}

inline keys_on_confirm()
{
    s = answer_to[k_pending];
    printf("node     -> gateway  CONFIRM: association %d begins\n", k_pending);
    assert(!was_begun[k_pending]); /* no counter of its control messages is ever used again */
    was_begun[k_pending] = true;
    if
#ifdef FAULT_BOOT_ID_IGNORED
    :: false ->
#else
    :: boot_of[s] != k_boot ->
#endif
        for (j : 0 .. LAST) {
            k_slot[j] = 0;
            k_stale[j] = false
        }
        k_commit = 0
    :: else
    fi;
    k_life = life_of[s];
    k_accepted = s;
#ifdef FAULT_REBOOT_TOLD_ONCE
    k_told_close = k_boot != boot_of[s];
#endif
    k_boot = boot_of[s];
    k_told_boot = k_boot;
    k_told_counter = s;
    keys_fail_handover();
    exchange_end(false);
    k_assoc = k_pending;
    k_step = 0;
    k_is_confirmed = true;
    k_live_due = true;
    k_silent = false;
    keys_advance()
}

inline keys_on_acknowledgement()
{
    k_silent = false;
    if
    :: a_session[k_ask - 1] == 0 ->
        printf("node     -> gateway  acknowledges LIVE LIST %d\n", k_ask);
        exchange_end(true)
    :: a_session[k_ask - 1] != 0 && a_is_good[k_ask - 1] ->
        printf("node     -> gateway  acknowledges session %d\n", a_session[k_ask - 1]);
        k_commit = a_session[k_ask - 1];
        k_slot[a_slot[k_ask - 1]] = k_commit;
        exchange_end(true);
        k_step = k_step + 1
    :: else -> keys_fail_handover()
    fi;
    keys_advance()
}

inline keys_free_slot(number, node_knows)
{
    for (j : 0 .. LAST) {
        if
        :: k_slot[j] == number ->
            k_slot[j] = 0;
#ifdef FAULT_REPORT_CLEARS_SLOT
            k_stale[j] = !node_knows;
#else
            k_stale[j] = k_stale[j] || !node_knows;
#endif
            k_settles[j] = k_settles[j] && !IS_LIST_OUT /* the list that is out still names it */
        :: else
        fi
    }
}

/* ---- relay ---- */

inline relay_commit()
{
    for (r : 0 .. LAST) {
        if
        :: k_slot[r] == k_commit ->
            if
            :: r_row[r] != 0 -> relay_end(r) /* replaced: its peer has come again */
            :: else
            fi;
            r_row[r] = k_commit;
            believes[k_commit] = true;
            printf("gateway  row of session %d is durable: the peer believes in it\n", k_commit)
        :: else
        fi
    }
    k_commit = 0
}

inline relay_end(slot) /* the peer is told */
{
    believes[r_row[slot]] = false;
    r_row[slot] = 0
}

inline relay_close(number)
{
    for (r : 0 .. LAST) {
        if
        :: r_row[r] == number -> relay_end(r)
        :: else
        fi
    }
}

/* MSG_NODE_KEYS: sessions of an earlier life of the node end in the transaction that brings the new key. */
inline relay_on_keys()
{
    for (r : 0 .. LAST) {
        if
#if defined(FAULT_BOOT_ID_IGNORED)
        :: false ->
#elif defined(FAULT_REBOOT_TOLD_ONCE)
        :: k_told_close && r_row[r] != 0 ->
#else
        :: k_told_boot >= r_generation && r_row[r] != 0 ->
#endif
            s = r_row[r];
            relay_end(r);
            keys_free_slot(s, false)
        :: else
        fi
    }
    r_generation = k_told_counter;
    k_told_boot = NONE
#ifdef FAULT_REBOOT_TOLD_ONCE
    ; k_told_close = false
#endif
}

/* ---- ends and beginnings ---- */

inline keys_start()
{
    k_assoc = 0; k_step = 0; k_pending = 0; k_is_confirmed = false; is_confirm_sent = false
}

/* What either process knew of the other's work is gone; relay lists its rows. */
inline gateway_resume()
{
    k_ask = 0; k_queued = 0; k_commit = 0; k_told_boot = NONE; k_told_counter = 0;
#ifdef FAULT_REBOOT_TOLD_ONCE
    k_told_close = false;
#endif
    k_live_due = true;
#ifndef FAULT_SILENCE_OUTLIVES_RESTART
    k_silent = false;
#endif
    for (j : 0 .. LAST) {
        k_slot[j] = r_row[j];
        k_stale[j] = true;
        k_settles[j] = false
    }
    if
    :: k_assoc != 0 -> k_told_boot = k_boot; k_told_counter = k_accepted
    :: else
    fi
}

inline keys_crash()
{
    crashes = crashes + 1;
    printf("gateway  keys ends and begins anew\n");
    keys_start();
    gateway_resume()
}

inline relay_crash()
{
    crashes = crashes + 1;
    printf("gateway  relay ends and begins anew\n");
    gateway_resume();
    keys_advance()
}

/* ---- back to work ---- */

inline node_report(slot)
{
    s = n_slot[slot];
    k_silent = false;
    printf("node     -> gateway  CLOSED session %d\n", s);
    if
    :: k_ask != 0 && a_session[k_ask - 1] == s -> keys_fail_handover()
    :: else
    fi;
    if
    :: k_commit == s -> k_commit = 0
    :: else
    fi;
    keys_free_slot(s, true);
    relay_close(s);
    keys_advance()
}

inline gateway_close(slot) /* idle, evicted, or by ssmctl */
{
    s = r_row[slot];
    printf("gateway  closes session %d\n", s);
    relay_close(s);
    keys_free_slot(s, false);
    keys_advance()
}

inline give_up()
{
    if
    :: a_session[k_ask - 1] != 0 -> keys_fail_handover()
    :: else ->
        printf("gateway  gives the live list up and ends the sessions of the silent node\n");
        k_silent = true;
        exchange_end(false);
        for (r : 0 .. LAST) {
            s = r_row[r];
            if
            :: s != 0 -> relay_end(r); keys_free_slot(s, false)
            :: else
            fi
        }
    fi;
    keys_advance()
}

inline handshake(kind)
{
    k_queued = kind;
    printf("peer     has finished its handshake\n");
    keys_advance()
}

#define IS_ANSWERED(a) (k_pending != 0 && !k_is_confirmed && answer_to[k_pending] == (a))
#define CAN_ACKNOWLEDGE(m) (n_is_on && a_taken[m] && a_assoc[m] == k_assoc && a_assoc[m] == n_present && n_last == (m) + 1 && !n_is_mute)

inline keys_on_confirm_again()
{
    k_live_due = true;
    k_silent = false;
    keys_advance()
}

inline node_report_acknowledged(slot)
{
    n_slot[slot] = 0;
    n_closed[slot] = false
}

/* In a d_step the first option that can be taken is. */
inline recover()
{
    is_calm = true;
    rounds = 0;
    probe = 0;
    keys_advance(); /* what the bound on requests has held back */
    do
    :: probe != 0 && k_queued == 0 && k_ask == 0 && k_commit == 0 && believes[k_number] -> break
    :: rounds == ROUNDS_MAX -> assert(false) /* no lock-out */
    :: rounds < ROUNDS_MAX ->
        rounds = rounds + 1;
        if
        :: !n_is_on -> node_start()
        :: k_told_boot != NONE -> relay_on_keys(); keys_advance()
        :: k_commit != 0 -> relay_commit(); keys_advance()
        :: k_ask != 0 && !a_taken[k_ask - 1] && (OPENS_PENDING(k_ask - 1) || OPENS_PRESENT(k_ask - 1)) ->
            node_on_request(k_ask - 1)
        :: k_ask != 0 && CAN_ACKNOWLEDGE(k_ask - 1) -> keys_on_acknowledgement()
        :: n_join == 1 && IS_ANSWERED(n_counter) -> node_on_answer(k_pending)
        :: n_join == 1 && n_counter > k_accepted -> keys_on_request(n_counter)
        :: n_join == 2 && k_pending == n_pending && !k_is_confirmed -> keys_on_confirm()
        :: n_join == 2 && k_pending == n_pending && k_silent -> keys_on_confirm_again()
        :: n_join == 2 -> node_join_begin()
        :: n_join == 0 && k_assoc == 0 && k_accepted != 0 -> printf("gateway  -> node     REJOIN\n"); node_join_begin()
        :: n_closed[0] && n_present == k_assoc -> node_report(0); node_report_acknowledged(0)
        :: n_closed[LAST] && n_present == k_assoc -> node_report(LAST); node_report_acknowledged(LAST)
        :: k_ask != 0 -> give_up()
        :: k_queued != 0 && r_row[0] != 0 -> gateway_close(0)
        :: probe == 0 && k_queued == 0 -> probe = 1; handshake(1)
        :: else -> assert(false) /* nothing will ever happen again */
        fi
    od;
    /* One association, and one opinion of what lives. */
    assert(n_present == k_assoc && n_join == 0);
    for (j : 0 .. LAST) {
        assert(n_slot[j] == 0 || n_slot[j] == k_slot[j]);
        assert(r_row[j] == k_slot[j])
    }
    check();
}

/* ---- all that may happen ---- */

#define AFTER check(); forget(); i = 0; j = 0; r = 0; s = 0; c = 0

#define OR_REQUEST(m)                                                                                                  \
    :: d_step { m < asked && !IS_REPLAY(m) && (OPENS_PENDING(m) || OPENS_PRESENT(m)) -> node_on_request(m); AFTER }
#define OR_ANSWER(g)                                                                                                   \
    :: d_step { n_is_on && n_join == 1 && g <= answers && answer_to[g] == n_counter -> node_on_answer(g); AFTER }
#define IS_NEWS(a) (k_pending == 0 || k_is_confirmed || answer_to[k_pending] < a)
#define OR_JOIN(a)                                                                                                     \
    :: d_step { a <= n_counter && a > k_accepted && IS_NEWS(a) && answers < ANSWERS -> keys_on_request(a); AFTER }
#define IS_ACKNOWLEDGED (k_ask != 0 && k_assoc != 0 && a_taken[k_ask - 1] && a_assoc[k_ask - 1] == k_assoc)
#define CAN_REPORT (n_is_on && n_closed[0] && n_present == k_assoc && k_assoc != 0)
#define CAN_HANDSHAKE (k_queued == 0 && k_number < SESSIONS)

init
{
    do
    /* the node */
    :: d_step { !n_is_on -> node_start(); AFTER }
    :: d_step { n_is_on && reboots < REBOOTS && n_stored < JOINS -> reboots = reboots + 1; node_start(); AFTER }
    /* After a REJOIN, which anybody may send, or confirmations in vain. */
    :: d_step { n_is_on && n_stored < JOINS && n_counter < JOINS -> node_join_begin(); AFTER }
    :: d_step { n_is_on && n_slot[0] != 0 && !n_closed[0] -> node_close(0); AFTER }
    :: d_step { n_is_on && n_last != 0 && !n_is_mute -> n_is_mute = true; AFTER }
    /* datagrams */
    OR_JOIN(1) OR_JOIN(2) OR_JOIN(3) OR_JOIN(4)
    OR_ANSWER(1) OR_ANSWER(2) OR_ANSWER(3) OR_ANSWER(4)
    :: d_step { is_confirm_sent && !k_is_confirmed -> keys_on_confirm(); AFTER }
    :: d_step { is_confirm_sent && k_is_confirmed && k_silent -> keys_on_confirm_again(); AFTER }
    OR_REQUEST(0) OR_REQUEST(1) OR_REQUEST(2) OR_REQUEST(3) OR_REQUEST(4) OR_REQUEST(5)
    :: d_step { IS_ACKNOWLEDGED -> keys_on_acknowledgement(); AFTER }
    :: d_step { CAN_REPORT -> node_report(0); AFTER }
    :: d_step { CAN_REPORT -> node_report(0); node_report_acknowledged(0); AFTER }
    :: d_step { k_silent && k_assoc != 0 && k_assoc == n_present -> k_silent = false; keys_advance(); AFTER }
#ifdef FAULT_STALE_ACKNOWLEDGEMENT_HEEDED
    :: d_step { k_ask > 1 && a_taken[k_ask - 2] && a_is_good[k_ask - 2] && a_session[k_ask - 2] != 0 &&
                a_assoc[k_ask - 2] == k_assoc && k_step < 2 -> k_step = k_step + 1; AFTER }
#endif
    /* the gateway */
    :: d_step { k_ask != 0 -> give_up(); AFTER }
    :: d_step { k_told_boot != NONE -> relay_on_keys(); keys_advance(); AFTER }
    :: d_step { k_told_boot == NONE && k_commit != 0 -> relay_commit(); keys_advance(); AFTER }
    :: d_step { r_row[0] != 0 && k_told_boot == NONE -> gateway_close(0); AFTER }
    :: d_step { crashes < CRASHES -> keys_crash(); AFTER }
    :: d_step { crashes < CRASHES -> relay_crash(); AFTER }
    :: d_step { crashes < CRASHES -> keys_start(); relay_crash(); AFTER }
    /* peers */
    :: d_step { CAN_HANDSHAKE -> handshake(1); AFTER }
    :: d_step { CAN_HANDSHAKE && k_slot[0] != 0 -> handshake(2); AFTER }
    /* From here on, everything arrives. */
    :: d_step { true -> recover(); AFTER } break
    od
}
