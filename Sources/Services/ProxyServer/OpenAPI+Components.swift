/// The answers that several routes give.
let openAPIResponses = #"""
    {
      "BadRequest": {
        "description": "Malformed; the field is named.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
      },
      "Conflict": {
        "description": "Other orders are there under these ids, each of which is named.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
      },
      "NotFound": {
        "description": "There is no such thing.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
      },
      "TooLarge": {
        "description": "Too many bytes.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
      },
      "Unprocessable": {
        "description": "An unknown task, parameters that it does not take, or an image that is not there.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
      },
      "Overloaded": {
        "description": "More orders are coming in than can be kept.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        "headers": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
      },
      "Unavailable": {
        "description": "The bus or the store is away: nothing was taken.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        "headers": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
      }
    }
    """#

/// What the answers hold.
let openAPISchemas = #"""
    {
      "OrderID": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
      "OrderState": {"enum": ["accepted", "running", "finished", "failed", "cancelled"]},
      "StepState": {"enum": ["pending", "running", "finished", "failed", "skipped"]},
      "OrderRequest": {
        "type": "object",
        "additionalProperties": false,
        "required": ["id", "image", "tasks"],
        "properties": {
          "id": {"$ref": "#/components/schemas/OrderID"},
          "image": {
            "type": "string",
            "description": "sha256:… of an uploaded image, or a path relative to the service's image root."
          },
          "tasks": {
            "type": "array",
            "minItems": 1,
            "maxItems": 64,
            "items": {
              "oneOf": [
                {"type": "string"},
                {
                  "type": "object",
                  "additionalProperties": false,
                  "required": ["name"],
                  "properties": {"name": {"type": "string"}, "parameters": {"type": "object"}}
                }
              ]
            }
          }
        }
      },
      "OrderOrOrders": {
        "oneOf": [
          {"$ref": "#/components/schemas/Order"},
          {"type": "array", "items": {"$ref": "#/components/schemas/Order"}}
        ]
      },
      "Order": {
        "type": "object",
        "required": ["id", "state", "reason", "image", "submittedAt", "startedAt", "finishedAt", "steps"],
        "properties": {
          "id": {"$ref": "#/components/schemas/OrderID"},
          "state": {"$ref": "#/components/schemas/OrderState"},
          "reason": {"type": ["string", "null"]},
          "image": {"type": "string"},
          "submittedAt": {"type": "string", "format": "date-time"},
          "startedAt": {"type": ["string", "null"], "format": "date-time"},
          "finishedAt": {"type": ["string", "null"], "format": "date-time"},
          "steps": {"type": "array", "items": {"$ref": "#/components/schemas/Step"}}
        }
      },
      "Step": {
        "type": "object",
        "required": ["index", "task", "state", "attempt", "startedAt", "finishedAt", "output", "instance", "reason", "usage"],
        "properties": {
          "index": {"type": "integer"},
          "task": {"type": "string"},
          "state": {"$ref": "#/components/schemas/StepState"},
          "attempt": {"type": "integer"},
          "startedAt": {"type": ["string", "null"], "format": "date-time"},
          "finishedAt": {"type": ["string", "null"], "format": "date-time"},
          "output": {"type": ["string", "null"], "description": "The URL path of what it put out."},
          "instance": {"type": ["string", "null"]},
          "reason": {"type": ["string", "null"]},
          "usage": {"$ref": "#/components/schemas/Usage"}
        }
      },
      "Image": {
        "type": "object",
        "required": ["image"],
        "properties": {"image": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}}
      },
      "Task": {
        "type": "object",
        "required": ["task", "demand", "replicas", "partitions", "lag", "lastDecision", "problem"],
        "properties": {
          "task": {"type": "string"},
          "demand": {
            "type": "object",
            "required": ["running", "upcoming"],
            "properties": {"running": {"type": "integer"}, "upcoming": {"type": "integer"}}
          },
          "replicas": {
            "type": "object",
            "required": ["current", "desired"],
            "properties": {"current": {"type": ["integer", "null"]}, "desired": {"type": "integer"}}
          },
          "partitions": {"type": ["integer", "null"]},
          "lag": {"type": ["integer", "null"], "description": "null where it cannot be read."},
          "lastDecision": {"oneOf": [{"$ref": "#/components/schemas/Decision"}, {"type": "null"}]},
          "problem": {"type": ["string", "null"]}
        }
      },
      "Problem": {
        "type": "object",
        "description": "RFC 9457.",
        "required": ["type", "title", "status", "detail"],
        "properties": {
          "type": {"type": "string"},
          "title": {"type": "string"},
          "status": {"type": "integer"},
          "detail": {"type": "string"},
          "field": {"type": "string", "description": "As in [3].tasks[0]."},
          "conflicts": {"type": "array", "items": {"type": "string"}}
        }
      }
    }
    """#
