import MillraceCore

/// What `/openapi.json` gives: OpenAPI 3.1 of all routes. The tests compare it with ``Route``.
let openAPIDocument: [UInt8] = {
    var writer = JSONWriter(capacity: 16 << 10)
    writer.beginObject()
    writer.field("openapi", "3.1.0")
    writer.key("info")
    writer.object([
        "title": "Millrace", "version": "1",
        "description": "Orders of tasks to be applied to images. Times are ISO 8601 in UTC, sizes are bytes.",
    ])
    writer.key("paths")
    writer.raw(merged(openAPIPaths, openAPIUsagePaths))
    writer.key("components")
    writer.beginObject()
    writer.key("responses")
    writer.raw(Array(openAPIResponses.utf8))
    writer.key("schemas")
    writer.raw(merged(openAPISchemas, openAPIUsageSchemas))
    writer.endObject()
    writer.endObject()
    return writer.bytes
}()

/// The fields of JSON objects, as one object.
private func merged(_ objects: String...) -> [UInt8] {
    // Each begins and ends with its braces.
    Array("{\(objects.map { $0.dropFirst().dropLast() }.joined(separator: ","))}".utf8)
}

/// Each route with its methods, parameters and answers.
let openAPIPaths = #"""
    {
      "/v1/orders": {
        "post": {
          "operationId": "submitOrders",
          "summary": "Submit one order, or an array of them: all are taken or none.",
          "parameters": [
            {
              "name": "traceparent",
              "in": "header",
              "description": "W3C Trace Context; carried through every message.",
              "schema": {"type": "string"}
            }
          ],
          "requestBody": {
            "required": true,
            "content": {
              "application/json": {
                "schema": {
                  "oneOf": [
                    {"$ref": "#/components/schemas/OrderRequest"},
                    {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/OrderRequest"}}
                  ]
                }
              }
            }
          },
          "responses": {
            "200": {
              "description": "The same orders were there.",
              "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OrderOrOrders"}}}
            },
            "202": {
              "description": "New orders are kept and will be run.",
              "headers": {
                "Location": {"description": "The order, where one was sent and not an array.", "schema": {"type": "string"}},
                "traceparent": {"schema": {"type": "string"}}
              },
              "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OrderOrOrders"}}}
            },
            "400": {"$ref": "#/components/responses/BadRequest"},
            "409": {"$ref": "#/components/responses/Conflict"},
            "413": {"$ref": "#/components/responses/TooLarge"},
            "422": {"$ref": "#/components/responses/Unprocessable"},
            "429": {"$ref": "#/components/responses/Overloaded"},
            "503": {"$ref": "#/components/responses/Unavailable"}
          }
        },
        "get": {
          "operationId": "listOrders",
          "summary": "Orders, newest first.",
          "parameters": [
            {"name": "state", "in": "query", "schema": {"$ref": "#/components/schemas/OrderState"}},
            {
              "name": "limit",
              "in": "query",
              "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
            },
            {
              "name": "cursor",
              "in": "query",
              "description": "What ‘next’ was in the listing before.",
              "schema": {"type": "string"}
            }
          ],
          "responses": {
            "200": {
              "description": "A page of orders.",
              "content": {
                "application/json": {
                  "schema": {
                    "type": "object",
                    "required": ["orders", "next"],
                    "properties": {
                      "orders": {"type": "array", "items": {"$ref": "#/components/schemas/Order"}},
                      "next": {"type": ["string", "null"]}
                    }
                  }
                }
              }
            },
            "400": {"$ref": "#/components/responses/BadRequest"},
            "503": {"$ref": "#/components/responses/Unavailable"}
          }
        }
      },
      "/v1/orders/{id}": {
        "get": {
          "operationId": "getOrder",
          "summary": "An order and its steps.",
          "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"$ref": "#/components/schemas/OrderID"}}],
          "responses": {
            "200": {
              "description": "The order.",
              "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}
            },
            "400": {"$ref": "#/components/responses/BadRequest"},
            "404": {"$ref": "#/components/responses/NotFound"},
            "503": {"$ref": "#/components/responses/Unavailable"}
          }
        }
      },
      "/v1/orders/{id}/steps/{n}/output": {
        "get": {
          "operationId": "getStepOutput",
          "summary": "The file that a step put out, or passed on as it was.",
          "parameters": [
            {"name": "id", "in": "path", "required": true, "schema": {"$ref": "#/components/schemas/OrderID"}},
            {
              "name": "n",
              "in": "path",
              "required": true,
              "description": "The step's number, from 0.",
              "schema": {"type": "integer", "minimum": 0}
            }
          ],
          "responses": {
            "200": {"description": "The file.", "content": {"*/*": {}}},
            "400": {"$ref": "#/components/responses/BadRequest"},
            "404": {"$ref": "#/components/responses/NotFound"},
            "503": {"$ref": "#/components/responses/Unavailable"}
          }
        }
      },
      "/v1/images": {
        "post": {
          "operationId": "addImage",
          "summary": "Keep an image by its content.",
          "requestBody": {"required": true, "content": {"*/*": {}}},
          "responses": {
            "200": {
              "description": "It was there.",
              "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Image"}}}
            },
            "201": {
              "description": "It is kept.",
              "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Image"}}}
            },
            "400": {"$ref": "#/components/responses/BadRequest"},
            "413": {"$ref": "#/components/responses/TooLarge"},
            "503": {"$ref": "#/components/responses/Unavailable"}
          }
        }
      },
      "/v1/tasks": {
        "get": {
          "operationId": "listTasks",
          "summary": "Each task's demand, replicas, lag and last decision.",
          "responses": {
            "200": {
              "description": "All tasks, by name.",
              "content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Task"}}}}
            },
            "503": {"$ref": "#/components/responses/Unavailable"}
          }
        }
      },
      "/livez": {
        "get": {
          "operationId": "livez",
          "summary": "Whether the process answers.",
          "responses": {"200": {"description": "It does.", "content": {"text/plain": {}}}}
        }
      },
      "/readyz": {
        "get": {
          "operationId": "readyz",
          "summary": "Whether orders would be taken now.",
          "parameters": [
            {
              "name": "verbose",
              "in": "query",
              "allowEmptyValue": true,
              "description": "List the checks that passed, too.",
              "schema": {"type": "string"}
            }
          ],
          "responses": {
            "200": {"description": "They would.", "content": {"text/plain": {}}},
            "400": {"$ref": "#/components/responses/BadRequest"},
            "503": {"description": "They would not; what failed is listed.", "content": {"text/plain": {}}}
          }
        }
      },
      "/metrics": {
        "get": {
          "operationId": "metrics",
          "summary": "Metrics in Prometheus' text format, version 0.0.4.",
          "responses": {"200": {"description": "The metrics.", "content": {"text/plain": {}}}}
        }
      },
      "/openapi.json": {
        "get": {
          "operationId": "openapi",
          "summary": "This document.",
          "responses": {"200": {"description": "OpenAPI 3.1.", "content": {"application/json": {}}}}
        }
      }
    }
    """#
