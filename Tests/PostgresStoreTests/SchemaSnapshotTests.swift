import MillraceTesting
import Testing

@testable import PostgresStore

@Suite struct SchemaSnapshotTests {
    /// What is here has been released once it is: a change needs a migration, not an edit.
    @Test func `the tables are those of this version`() async throws {
        try await withDatabase { url in
            await (try PostgresOrderStore.open(url: url)).close()
            let columns = try await onConnection(url) { connection in
                try connection.texts(
                    """
                    SELECT concat_ws(
                        ' ', relname, attname, replace(format_type(atttypid, NULL), 'timestamp with time zone', 'timestamptz'),
                        CASE WHEN attnotnull THEN 'not null' END)
                    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
                    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') AND attnum > 0
                    ORDER BY relname COLLATE "C", attnum
                    """)
            }
            #expect(columns == Self.columns)
            let indexes = try await onConnection(url) { connection in
                try connection.texts(
                    """
                    SELECT indexname || CASE WHEN indexdef LIKE 'CREATE UNIQUE%' THEN ' unique' ELSE '' END
                        || regexp_replace(indexdef, '^.* USING btree', '')
                    FROM pg_indexes
                    WHERE schemaname = 'public' ORDER BY indexname COLLATE "C"
                    """)
            }
            #expect(indexes == Self.indexes)
        }
    }

    @Test func `what a call has returned is on the server's disk, whatever the database's defaults are`() async throws {
        try await withDatabase { url in
            let name = url.split(separator: "/").last?.split(separator: "?").first ?? ""
            try await administer(
                url,
                """
                ALTER DATABASE \(name) SET synchronous_commit = off;
                ALTER DATABASE \(name) SET default_transaction_isolation = 'serializable'
                """)
            let found = try await onConnection(url) { connection in
                try connection.texts(
                    "SELECT concat_ws(' ', current_setting('synchronous_commit'), current_setting('transaction_isolation'))"
                )
            }
            #expect(found == ["on read committed"])
        }
    }

    @Test(arguments: [
        ("state = 'accepted' AND id < 9", "orders_by_state"), ("NOT published", "orders_unpublished"),
    ])
    func `listings use the indexes that are made for them`(condition: String, index: String) async throws {
        try await withDatabase { url in
            await (try PostgresOrderStore.open(url: url)).close()
            let plan = try await onConnection(url) { connection in
                // An empty table would be read from end to end.
                try connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
                return try connection.texts("EXPLAIN SELECT id FROM orders WHERE \(condition) ORDER BY id LIMIT 9")
            }
            #expect(plan.joined().contains(index))
        }
    }

    private static let columns = lines(
        """
        consumer_offsets partition bigint not null
        consumer_offsets next_offset bigint not null
        dropped_samples node text not null
        dropped_samples at timestamptz not null
        dropped_samples samples bigint not null
        millrace_migrations version bigint not null
        millrace_migrations name text not null
        millrace_migrations applied_at timestamptz not null
        order_steps order_id bigint not null
        order_steps step integer not null
        order_steps task_id bigint not null
        order_steps state text not null
        order_steps attempt bigint not null
        order_steps run text
        order_steps instance text
        order_steps started_at timestamptz
        order_steps finished_at timestamptz
        order_steps output text
        order_steps reason text
        orders id bigint not null
        orders user_id text not null
        orders state text not null
        orders published boolean not null
        orders submitted_at timestamptz not null
        orders started_at timestamptz
        orders finished_at timestamptz
        orders content_hash text not null
        orders reason text
        orders traceparent text
        orders content text not null
        resource_offsets node text not null
        resource_offsets partition bigint not null
        resource_offsets next_offset bigint not null
        resource_usage order_id bigint not null
        resource_usage task_id bigint not null
        resource_usage resource_id integer not null
        resource_usage step integer not null
        resource_usage value double precision not null
        resource_usage timestamp timestamptz not null
        resource_usage seconds double precision not null
        resource_usage_minutes order_id bigint not null
        resource_usage_minutes task_id bigint not null
        resource_usage_minutes resource_id integer not null
        resource_usage_minutes step integer not null
        resource_usage_minutes value double precision not null
        resource_usage_minutes timestamp timestamptz not null
        resource_usage_minutes seconds double precision not null
        resource_usage_minutes low double precision not null
        resource_usage_minutes high double precision not null
        resource_usage_minutes samples bigint not null
        resource_usage_other order_id bigint not null
        resource_usage_other task_id bigint not null
        resource_usage_other resource_id integer not null
        resource_usage_other step integer not null
        resource_usage_other value double precision not null
        resource_usage_other timestamp timestamptz not null
        resource_usage_other seconds double precision not null
        resources id integer not null
        resources name text not null
        resources unit text not null
        scaling_decisions id bigint not null
        scaling_decisions task_id bigint not null
        scaling_decisions from_replicas bigint not null
        scaling_decisions to_replicas bigint not null
        scaling_decisions reason text not null
        scaling_decisions at timestamptz not null
        step_totals order_id bigint not null
        step_totals step integer not null
        step_totals run text not null
        step_totals cpu_seconds double precision
        step_totals peak_ram_bytes bigint
        step_totals disk_read_bytes bigint
        step_totals disk_written_bytes bigint
        step_totals waiting_seconds double precision
        step_totals running_seconds double precision
        step_totals estimated boolean not null
        task_scaling task_id bigint not null
        task_scaling running bigint not null
        task_scaling upcoming bigint not null
        task_scaling desired bigint not null
        task_scaling number bigint not null
        task_scaling idle_since timestamptz
        task_scaling decided_from bigint
        task_scaling decided_to bigint
        task_scaling decided_reason text
        task_scaling decided_at timestamptz
        task_scaling reported_current bigint
        task_scaling reported_desired bigint
        task_scaling reported_number bigint
        task_scaling partitions bigint
        task_scaling problem text
        tasks id bigint not null
        tasks name text not null
        usage order_name text
        usage task text
        usage step integer
        usage resource text
        usage unit text
        usage value double precision
        usage timestamp timestamptz
        usage seconds double precision
        usage second double precision
        usage low double precision
        usage high double precision
        """)

    private static let indexes = lines(
        """
        consumer_offsets_pkey unique (partition)
        dropped_samples_pkey unique (at, node)
        millrace_migrations_pkey unique (version)
        order_steps_finished (task_id, finished_at, order_id, step) WHERE (state = 'finished'::text)
        order_steps_pkey unique (order_id, step)
        orders_by_state (state, id) WHERE (state <> 'finished'::text)
        orders_pkey unique (id)
        orders_unpublished (id) WHERE (NOT published)
        orders_user_id_key unique (user_id)
        resource_offsets_pkey unique (node, partition)
        resource_usage_minutes_pkey unique (order_id, step, "timestamp", resource_id)
        resource_usage_other_pkey unique (order_id, step, "timestamp", resource_id)
        resource_usage_pkey unique (order_id, step, "timestamp", resource_id)
        resources_name_key unique (name)
        resources_pkey unique (id)
        scaling_decisions_by_task (task_id, id)
        scaling_decisions_pkey unique (id)
        step_totals_pkey unique (order_id, step, run)
        task_scaling_pkey unique (task_id)
        tasks_name_key unique (name)
        tasks_pkey unique (id)
        """)

    private static func lines(_ text: String) -> [String] { text.split(separator: "\n").map(String.init) }
}
