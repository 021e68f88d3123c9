//! The statements, which both databases understand word for word; SQLite takes `$1` for `?1`.

pub(crate) const LEASES: &str = "
    SELECT job, fence, run, until_ns, term_ns, holder FROM job_lease
     WHERE CAST($1 AS TEXT) IS NULL OR job = $1";

pub(crate) const RUNS: &str = "
    SELECT run, job, trigger_word, queued_at_ns, not_before_ns, attempts, state, was_queued, stop_asked, written_at_ns
      FROM job_run WHERE CAST($1 AS TEXT) IS NULL OR job = $1 OR run = CAST($2 AS TEXT)";

pub(crate) const SCHEDULE: &str =
    "SELECT job, definition, next_at_ns, last_at_ns, paused FROM job_schedule WHERE job = $1";

pub(crate) const SCHEDULES: &str =
    "SELECT job, definition, next_at_ns, last_at_ns, paused FROM job_schedule ORDER BY job";

pub(crate) const PUT_LEASE: &str = "
    INSERT INTO job_lease (job, fence, run, until_ns, term_ns, holder) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (job) DO UPDATE
       SET fence = excluded.fence, run = excluded.run, until_ns = excluded.until_ns, term_ns = excluded.term_ns,
           holder = excluded.holder";

/// For a lease that keeps its number: PostgreSQL lets that be written while its holder saves something.
pub(crate) const KEEP_LEASE: &str =
    "UPDATE job_lease SET run = $3, until_ns = $4, term_ns = $5, holder = $6 WHERE job = $1 AND fence = $2";

pub(crate) const PUT_RUN: &str = "
    INSERT INTO job_run (run, job, trigger_word, queued_at_ns, not_before_ns, attempts, state, was_queued, stop_asked,
                         written_at_ns)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (run) DO UPDATE
       SET trigger_word = excluded.trigger_word, queued_at_ns = excluded.queued_at_ns,
           not_before_ns = excluded.not_before_ns, attempts = excluded.attempts, state = excluded.state,
           was_queued = excluded.was_queued, stop_asked = excluded.stop_asked,
           written_at_ns = excluded.written_at_ns";

pub(crate) const PUT_SCHEDULE: &str = "
    INSERT INTO job_schedule (job, definition, next_at_ns, last_at_ns, paused) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (job) DO UPDATE
       SET definition = excluded.definition, next_at_ns = excluded.next_at_ns, last_at_ns = excluded.last_at_ns,
           paused = excluded.paused";

pub(crate) const REMOVE_RUN: &str = "DELETE FROM job_run WHERE run = $1";

pub(crate) const REMOVE_SCHEDULE: &str = "DELETE FROM job_schedule WHERE job = $1";

pub(crate) const LATEST: &str = "SELECT latest_ns FROM store_clock";

/// The latest moment, which only [`SET_LATEST`] moves back.
pub(crate) const RAISE_LATEST: &str = "
    INSERT INTO store_clock (id, latest_ns) VALUES (1, $1)
    ON CONFLICT (id) DO UPDATE SET latest_ns = excluded.latest_ns WHERE excluded.latest_ns > store_clock.latest_ns";

pub(crate) const SET_LATEST: &str = "UPDATE store_clock SET latest_ns = $1 WHERE latest_ns > $1";
