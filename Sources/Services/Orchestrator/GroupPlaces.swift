import Logging
import MillraceCore
import MillracePorts
import ServiceSupport

/// Holds a place in each task's group, so that a task's first replica need not wait for its group to form.
struct GroupPlaces {
    let service: OrchestratorService

    /// Until it is cancelled. Without them everything works, and starts later: what fails is told and tried again.
    func hold() async {
        var places: [any GroupPlaceholder] = []
        for task in service.settings.tasks {
            guard let place = await place(in: task) else { break }
            places.append(place)
        }
        let (never, continuation) = AsyncStream<Never>.makeStream()
        for await _ in never {}
        continuation.finish()
        await withTaskGroup { group in
            for place in places { group.addTask { await place.leave() } }
        }
    }

    /// - Returns: nil when it was cancelled.
    private func place(in task: TaskName) async -> (any GroupPlaceholder)? {
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        while !Task.isCancelled {
            do throws(BusError) {
                return try await service.bus.holdPlace(
                    inGroup: task.text, topic: task.text, name: service.settings.instance)
            } catch {
                service.logger.warning("no place is held in the group of \(task): \(error)")
                try? await service.settings.sleep(backoff.failed(using: &generator))
            }
        }
        return nil
    }
}
