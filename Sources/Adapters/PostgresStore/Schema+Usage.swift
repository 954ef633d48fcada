internal import MillraceCore

/// What steps consumed, over time.
extension Schema {
    static let usage = resources + samples + totals + view

    private static var resources: String {
        let rows = Resource.allCases.map { "(\($0.rawValue), '\($0.name)', '\($0.unit)')" }
        return """
            CREATE TABLE resources (
                id integer PRIMARY KEY,
                name text COLLATE "C" NOT NULL UNIQUE,
                unit text NOT NULL
            );
            INSERT INTO resources (id, name, unit) VALUES \(rows.joined(separator: ", "));

            """
    }

    /// Numbers only, since they feed a neural net; `usage` has the names. A row's interval has `seconds` and ends at
    /// `timestamp`. By order first, so that an order's rows are one range, and by time before the resource, so that what
    /// comes at one tick goes to one page of the key. The step's task stands in each row, since it never changes and
    /// saves a join. The two small columns stand together: a row is 8 bytes shorter.
    ///
    /// `resource_usage` has a partition a day, which goes as a whole; ``Partitions`` makes them. What is of a day that
    /// has none is in `resource_usage_other`. It refers to no other table: its numbers are only ever taken from those
    /// tables, which lose no rows, and checking the references would cost more than the rows do.
    private static let samples = """
        CREATE TABLE resource_usage (
            order_id bigint NOT NULL,
            task_id bigint NOT NULL,
            resource_id integer NOT NULL,
            step integer NOT NULL,
            value double precision NOT NULL,
            timestamp timestamptz NOT NULL,
            seconds double precision NOT NULL,
            PRIMARY KEY (order_id, step, timestamp, resource_id)
        ) PARTITION BY RANGE (timestamp);
        CREATE TABLE resource_usage_other PARTITION OF resource_usage DEFAULT;
        CREATE TABLE resource_usage_minutes (
            order_id bigint NOT NULL REFERENCES orders (id),
            task_id bigint NOT NULL REFERENCES tasks (id),
            resource_id integer NOT NULL REFERENCES resources (id),
            step integer NOT NULL,
            value double precision NOT NULL,
            timestamp timestamptz NOT NULL,
            seconds double precision NOT NULL,
            low double precision NOT NULL,
            high double precision NOT NULL,
            samples bigint NOT NULL,
            PRIMARY KEY (order_id, step, timestamp, resource_id)
        );
        CREATE TABLE resource_offsets (
            node text COLLATE "C" NOT NULL,
            partition bigint NOT NULL,
            next_offset bigint NOT NULL,
            PRIMARY KEY (node, partition)
        );
        CREATE TABLE dropped_samples (
            node text COLLATE "C" NOT NULL,
            at timestamptz NOT NULL,
            samples bigint NOT NULL,
            PRIMARY KEY (at, node)
        );

        """

    /// Waiting and running in seconds. A row that is `estimated` has what samples add up to, of a run whose end was not
    /// told. The index has finished steps alone, in the order in which they are asked for.
    private static let totals = """
        ALTER TABLE step_totals ADD COLUMN waiting_seconds double precision;
        ALTER TABLE step_totals ADD COLUMN running_seconds double precision;
        ALTER TABLE step_totals ADD COLUMN estimated boolean NOT NULL DEFAULT false;
        CREATE INDEX order_steps_finished ON order_steps (task_id, finished_at, order_id, step)
            WHERE state = 'finished';

        """

    /// For people and tools. `order_name` is the id that the order was submitted with, `second` is the interval's end
    /// since the step's start. Two selects, so that a condition reaches the key of both tables.
    private static let view = """
        CREATE VIEW usage AS
        SELECT orders.user_id AS order_name, tasks.name AS task, usage.step AS step, resources.name AS resource,
            resources.unit AS unit, usage.value AS value, usage.timestamp AS timestamp, usage.seconds AS seconds,
            extract(epoch FROM usage.timestamp - order_steps.started_at)::double precision AS second,
            usage.value AS low, usage.value AS high
        FROM resource_usage AS usage
        JOIN orders ON orders.id = usage.order_id
        JOIN tasks ON tasks.id = usage.task_id
        JOIN resources ON resources.id = usage.resource_id
        LEFT JOIN order_steps ON order_steps.order_id = usage.order_id AND order_steps.step = usage.step
        UNION ALL
        SELECT orders.user_id, tasks.name, usage.step, resources.name, resources.unit, usage.value, usage.timestamp,
            usage.seconds, extract(epoch FROM usage.timestamp - order_steps.started_at)::double precision,
            usage.low, usage.high
        FROM resource_usage_minutes AS usage
        JOIN orders ON orders.id = usage.order_id
        JOIN tasks ON tasks.id = usage.task_id
        JOIN resources ON resources.id = usage.resource_id
        LEFT JOIN order_steps ON order_steps.order_id = usage.order_id AND order_steps.step = usage.step;
        """
}
