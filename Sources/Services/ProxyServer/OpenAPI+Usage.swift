/// The routes of usage, as the others in `openAPIPaths`.
let openAPIUsagePaths = #"""
    {
      "/v1/orders/{id}/usage": {
        "get": {
          "operationId": "getOrderUsage",
          "summary": "What an order's steps consumed: totals, then samples.",
          "parameters": [
            {"name": "id", "in": "path", "required": true, "schema": {"$ref": "#/components/schemas/OrderID"}},
            {"name": "task", "in": "query", "description": "Samples of this task only.", "schema": {"type": "string"}},
            {
              "name": "resource",
              "in": "query",
              "description": "Samples of this resource only.",
              "schema": {"enum": ["cpu", "ram", "disk"]}
            },
            {
              "name": "points",
              "in": "query",
              "description": "At most so many samples of each step and resource; minima and maxima are kept.",
              "schema": {"type": "integer", "minimum": 1, "maximum": 100000}
            }
          ],
          "responses": {
            "200": {
              "description": "The order's usage.",
              "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OrderUsage"}}}
            },
            "400": {"$ref": "#/components/responses/BadRequest"},
            "404": {"$ref": "#/components/responses/NotFound"},
            "503": {"$ref": "#/components/responses/Unavailable"}
          }
        }
      },
      "/v1/tasks/{task}/usage": {
        "get": {
          "operationId": "getTaskUsage",
          "summary": "What to expect of a step of a task, and how far each step is from that.",
          "parameters": [
            {"name": "task", "in": "path", "required": true, "schema": {"type": "string"}},
            {
              "name": "limit",
              "in": "query",
              "description": "Of the latest so many finished steps.",
              "schema": {"type": "integer", "minimum": 1, "maximum": 100000, "default": 1000}
            },
            {
              "name": "samples",
              "in": "query",
              "description": "Samples of the latest so many steps that have any, at most 600 of each step and resource.",
              "schema": {"type": "integer", "minimum": 0, "maximum": 200, "default": 0}
            }
          ],
          "responses": {
            "200": {
              "description": "The task's usage.",
              "content": {"application/json": {"schema": {"$ref": "#/components/schemas/TaskUsage"}}}
            },
            "400": {"$ref": "#/components/responses/BadRequest"},
            "404": {"$ref": "#/components/responses/NotFound"},
            "503": {"$ref": "#/components/responses/Unavailable"}
          }
        }
      }
    }
    """#

/// Their schemas, as the others in `openAPIComponents`.
let openAPIUsageSchemas = #"""
    {
      "Usage": {
        "type": "object",
        "description": "Kernel counters over a run; null where one could not be read.",
        "required": [
          "cpuSeconds", "peakRAMBytes", "diskReadBytes", "diskWrittenBytes", "waitingSeconds", "runningSeconds"
        ],
        "properties": {
          "cpuSeconds": {"type": ["number", "null"]},
          "peakRAMBytes": {"type": ["integer", "null"]},
          "diskReadBytes": {"type": ["integer", "null"]},
          "diskWrittenBytes": {"type": ["integer", "null"]},
          "waitingSeconds": {"type": ["number", "null"]},
          "runningSeconds": {"type": ["number", "null"]}
        }
      },
      "Sample": {
        "type": "object",
        "required": ["step", "task", "resource", "unit", "at", "second", "seconds", "value", "low", "high"],
        "properties": {
          "order": {"type": "string"},
          "step": {"type": "integer"},
          "task": {"type": "string"},
          "resource": {"enum": ["cpu", "ram", "disk"]},
          "unit": {"enum": ["cores", "bytes", "bytes/s"]},
          "at": {"type": "string", "format": "date-time", "description": "The end of the interval."},
          "second": {"type": ["number", "null"], "description": "Seconds from the step's start to that."},
          "seconds": {"type": "number", "description": "The interval's length."},
          "value": {"type": "number"},
          "low": {"type": "number", "description": "The least of the samples that became this one."},
          "high": {"type": "number"}
        }
      },
      "OrderUsage": {
        "type": "object",
        "required": ["order", "state", "submittedAt", "startedAt", "finishedAt", "steps", "samples"],
        "properties": {
          "order": {"$ref": "#/components/schemas/OrderID"},
          "state": {"$ref": "#/components/schemas/OrderState"},
          "submittedAt": {"type": "string", "format": "date-time"},
          "startedAt": {"type": ["string", "null"], "format": "date-time"},
          "finishedAt": {"type": ["string", "null"], "format": "date-time"},
          "steps": {
            "type": "array",
            "items": {
              "type": "object",
              "required": ["step", "task", "state", "startedAt", "finishedAt", "usage"],
              "properties": {
                "step": {"type": "integer"},
                "task": {"type": "string"},
                "state": {"type": "string"},
                "startedAt": {"type": ["string", "null"], "format": "date-time"},
                "finishedAt": {"type": ["string", "null"], "format": "date-time"},
                "usage": {"$ref": "#/components/schemas/Usage"}
              }
            }
          },
          "samples": {"type": "array", "items": {"$ref": "#/components/schemas/Sample"}}
        }
      },
      "Distribution": {
        "type": ["object", "null"],
        "required": ["count", "min", "p5", "median", "p95", "max"],
        "properties": {
          "count": {"type": "integer"},
          "min": {"type": "number"},
          "p5": {"type": "number"},
          "median": {"type": "number"},
          "p95": {"type": "number"},
          "max": {"type": "number"}
        }
      },
      "TaskUsage": {
        "type": "object",
        "required": ["task", "expected", "steps", "profile", "samples", "decisions"],
        "properties": {
          "task": {"type": "string"},
          "expected": {
            "type": "object",
            "description": "By quantity, such as cpuSeconds.",
            "additionalProperties": {"$ref": "#/components/schemas/Distribution"}
          },
          "steps": {
            "type": "array",
            "description": "Finished steps, newest first; ‘difference’ is from the median, by quantity.",
            "items": {
              "type": "object",
              "required": ["order", "step", "startedAt", "finishedAt", "usage", "difference"],
              "properties": {
                "order": {"$ref": "#/components/schemas/OrderID"},
                "step": {"type": "integer"},
                "startedAt": {"type": "string", "format": "date-time"},
                "finishedAt": {"type": "string", "format": "date-time"},
                "usage": {"$ref": "#/components/schemas/Usage"},
                "difference": {"type": "object", "additionalProperties": {"type": ["number", "null"]}}
              }
            }
          },
          "profile": {
            "type": "object",
            "description": "By resource: the spread at each moment since their start, over the latest 200 steps with samples.",
            "additionalProperties": {
              "type": "array",
              "items": {
                "type": "object",
                "required": ["second", "seconds", "p5", "median", "p95", "steps"],
                "properties": {
                  "second": {"type": "number"},
                  "seconds": {"type": "number"},
                  "p5": {"type": "number"},
                  "median": {"type": "number"},
                  "p95": {"type": "number"},
                  "steps": {"type": "integer"}
                }
              }
            }
          },
          "samples": {"type": "array", "items": {"$ref": "#/components/schemas/Sample"}},
          "decisions": {"type": "array", "items": {"$ref": "#/components/schemas/Decision"}}
        }
      },
      "Decision": {
        "type": "object",
        "required": ["from", "to", "reason", "at"],
        "properties": {
          "from": {"type": "integer"},
          "to": {"type": "integer"},
          "reason": {"type": "string"},
          "at": {"type": "string", "format": "date-time"}
        }
      }
    }
    """#
