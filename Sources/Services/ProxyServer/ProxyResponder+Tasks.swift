import Hummingbird
import Logging
import MillraceCore
import MillracePorts

// `GET /v1/tasks`.
extension ProxyResponder {
    func tasks() async throws -> Response {
        var writer = JSONWriter(capacity: 4096)
        writer.beginArray()
        for document in try await taskDocuments() { document.write(to: &writer) }
        writer.endArray()
        return .json(.ok, writer.bytes)
    }

    /// Those of the configuration, and those that monitor-system has saved of an earlier one; by name.
    func taskDocuments() async throws(StoreError) -> [TaskDocument] {
        var kept: [TaskName: KeptScaler] = [:]
        for task in try await store.tasks() { kept[task.task] = task }
        var documents: [TaskDocument] = []
        for task in Set(kept.keys).union(settings.tasks.keys).sorted() {
            documents.append(TaskDocument(task: task, kept: kept[task], topic: await topic(of: task)))
        }
        return documents
    }

    /// Not knowing is not zero: nil, and told as such.
    private func topic(of task: TaskName) async -> (TopicDescription, GroupDescription)? {
        do throws(BusError) {
            let topic = try await bus.describe(topic: task.text)
            return (topic, try await bus.describe(group: task.text, topic: task.text))
        } catch {
            logger.debug("the lag of \(task) cannot be read: \(error)")
            return nil
        }
    }
}
