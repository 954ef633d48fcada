#ifndef CPOSTGRES_H
#define CPOSTGRES_H

// libpq, PostgreSQL's client library, loaded when a store in PostgreSQL is first opened: linked, it and the twenty
// libraries behind it would cost every process of the one executable some milliseconds and 5 MB, and Millrace would not
// start where it is not installed.
//
// Only what is used is declared here, as libpq's manual has it; libpq.so.5 has kept these since they came.

#include "CPostgresTypes.h"

/// Loads libpq (14 or later: it has the pipeline mode), once. Must have succeeded before anything else here is called.
/// @return NULL, or why it cannot be, for people.
const char *millrace_load_libpq(void);

// X(result, name, parameters, arguments)
#define CPOSTGRES_FUNCTIONS(X)                                                                               \
    X(PGconn *, PQconnectdbParams, (const char *const *keywords, const char *const *values, int expand),    \
      (keywords, values, expand))                                                                            \
    X(void, PQfinish, (PGconn *connection), (connection))                                                    \
    X(PQconninfoOption *, PQconninfoParse, (const char *text, char **error), (text, error))                  \
    X(void, PQconninfoFree, (PQconninfoOption *options), (options))                                          \
    X(void, PQfreemem, (void *memory), (memory))                                                             \
    X(ConnStatusType, PQstatus, (const PGconn *connection), (connection))                                    \
    X(PGTransactionStatusType, PQtransactionStatus, (const PGconn *connection), (connection))                \
    X(const char *, PQparameterStatus, (const PGconn *connection, const char *name), (connection, name))     \
    X(int, PQserverVersion, (const PGconn *connection), (connection))                                        \
    X(char *, PQerrorMessage, (const PGconn *connection), (connection))                                      \
    X(int, PQsocket, (const PGconn *connection), (connection))                                               \
    X(int, PQsetnonblocking, (PGconn *connection, int isNonblocking), (connection, isNonblocking))           \
    X(PQnoticeReceiver, PQsetNoticeReceiver, (PGconn *connection, PQnoticeReceiver receiver, void *context), \
      (connection, receiver, context))                                                                       \
    X(int, PQenterPipelineMode, (PGconn *connection), (connection))                                          \
    X(int, PQexitPipelineMode, (PGconn *connection), (connection))                                           \
    X(int, PQpipelineSync, (PGconn *connection), (connection))                                               \
    X(int, PQsendQuery, (PGconn *connection, const char *script), (connection, script))                      \
    X(int, PQsendPrepare,                                                                                    \
      (PGconn *connection, const char *name, const char *statement, int count, const Oid *types),            \
      (connection, name, statement, count, types))                                                           \
    X(int, PQsendQueryPrepared,                                                                              \
      (PGconn *connection, const char *name, int count, const char *const *values, const int *lengths,       \
       const int *formats, int resultFormat),                                                                \
      (connection, name, count, values, lengths, formats, resultFormat))                                     \
    X(int, PQflush, (PGconn *connection), (connection))                                                      \
    X(int, PQconsumeInput, (PGconn *connection), (connection))                                               \
    X(int, PQisBusy, (PGconn *connection), (connection))                                                     \
    X(PGresult *, PQgetResult, (PGconn *connection), (connection))                                           \
    X(int, PQputCopyData, (PGconn *connection, const char *data, int count), (connection, data, count))      \
    X(int, PQputCopyEnd, (PGconn *connection, const char *error), (connection, error))                       \
    X(ExecStatusType, PQresultStatus, (const PGresult *result), (result))                                    \
    X(char *, PQresultErrorField, (const PGresult *result, int field), (result, field))                      \
    X(char *, PQresultErrorMessage, (const PGresult *result), (result))                                      \
    X(int, PQntuples, (const PGresult *result), (result))                                                    \
    X(char *, PQfname, (const PGresult *result, int column), (result, column))                               \
    X(int, PQgetisnull, (const PGresult *result, int row, int column), (result, row, column))                \
    X(int, PQgetlength, (const PGresult *result, int row, int column), (result, row, column))                \
    X(char *, PQgetvalue, (const PGresult *result, int row, int column), (result, row, column))              \
    X(void, PQclear, (PGresult *result), (result))

struct CPostgresLibrary {
#define CPOSTGRES_POINTER(result, name, parameters, arguments) result(*name) parameters;
    CPOSTGRES_FUNCTIONS(CPOSTGRES_POINTER)
#undef CPOSTGRES_POINTER
};

extern struct CPostgresLibrary millrace_libpq;

// Under libpq's own names, but in no table of symbols: libpq must not find these when it calls itself.
#define CPOSTGRES_CALL(result, name, parameters, arguments) \
    static inline result name parameters { return millrace_libpq.name arguments; }
CPOSTGRES_FUNCTIONS(CPOSTGRES_CALL)
#undef CPOSTGRES_CALL

#endif
