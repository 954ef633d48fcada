import Testing

/// Tests of the `millrace` command as a user runs it: processes, signals, files. One after another, as each has the
/// machine's processors to itself that way, and their limits of time mean something.
@Suite(.serialized, .timeLimit(.minutes(5))) enum EndToEnd {}
