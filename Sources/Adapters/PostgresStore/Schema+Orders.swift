/// Orders and what monitor-system keeps.
extension Schema {
    /// Names are compared byte by byte (`C`), as Swift compares them.
    ///
    /// Tasks by number, since the numbers feed a neural net; what is decided about them stands apart. Nearly all orders
    /// end as finished, so the index by state leaves those out. A step has a row from its first change on. Its totals
    /// are those of its run; a counter that could not be read is NULL.
    static let orders = """
        CREATE TABLE tasks (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            name text COLLATE "C" NOT NULL UNIQUE
        );
        CREATE TABLE task_scaling (
            task_id bigint PRIMARY KEY REFERENCES tasks (id),
            running bigint NOT NULL,
            upcoming bigint NOT NULL,
            desired bigint NOT NULL,
            number bigint NOT NULL,
            idle_since timestamptz,
            decided_from bigint,
            decided_to bigint,
            decided_reason text,
            decided_at timestamptz,
            reported_current bigint,
            reported_desired bigint,
            reported_number bigint,
            partitions bigint,
            problem text
        );
        CREATE TABLE scaling_decisions (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            task_id bigint NOT NULL REFERENCES tasks (id),
            from_replicas bigint NOT NULL,
            to_replicas bigint NOT NULL,
            reason text NOT NULL,
            at timestamptz NOT NULL
        );
        CREATE INDEX scaling_decisions_by_task ON scaling_decisions (task_id, id);
        CREATE TABLE consumer_offsets (
            partition bigint PRIMARY KEY,
            next_offset bigint NOT NULL
        );
        CREATE TABLE orders (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            user_id text COLLATE "C" NOT NULL UNIQUE,
            state text NOT NULL,
            published boolean NOT NULL,
            submitted_at timestamptz NOT NULL,
            started_at timestamptz,
            finished_at timestamptz,
            content_hash text NOT NULL,
            reason text,
            traceparent text,
            content text NOT NULL
        );
        CREATE INDEX orders_unpublished ON orders (id) WHERE NOT published;
        CREATE INDEX orders_by_state ON orders (state, id) WHERE state <> 'finished';
        CREATE TABLE order_steps (
            order_id bigint NOT NULL REFERENCES orders (id),
            step integer NOT NULL,
            task_id bigint NOT NULL REFERENCES tasks (id),
            state text NOT NULL,
            attempt bigint NOT NULL,
            run text,
            instance text,
            started_at timestamptz,
            finished_at timestamptz,
            output text,
            reason text,
            PRIMARY KEY (order_id, step)
        );
        CREATE TABLE step_totals (
            order_id bigint NOT NULL REFERENCES orders (id),
            step integer NOT NULL,
            run text NOT NULL,
            cpu_seconds double precision,
            peak_ram_bytes bigint,
            disk_read_bytes bigint,
            disk_written_bytes bigint,
            PRIMARY KEY (order_id, step, run)
        );
        """
}
