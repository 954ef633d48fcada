import Testing

@testable import ImageTasks

struct GeometryTests {
    private let landscape = PixelSize(width: 600, height: 400)

    @Test func `one side given keeps the proportions`() {
        #expect(
            ResizePlan(landscape, width: 300, height: nil, fit: .inside).cropped == PixelSize(width: 300, height: 200))
        #expect(
            ResizePlan(landscape, width: nil, height: 100, fit: .cover).cropped == PixelSize(width: 150, height: 100))
    }

    @Test func `inside fits the box, cover fills it, fill stretches`() {
        let square = PixelSize(width: 100, height: 100)
        #expect(
            ResizePlan(landscape, width: 100, height: 100, fit: .inside).cropped == PixelSize(width: 100, height: 67))
        let cover = ResizePlan(landscape, width: 100, height: 100, fit: .cover)
        #expect(cover.scaled == PixelSize(width: 150, height: 100))
        #expect(cover.cropped == square)
        #expect(ResizePlan(landscape, width: 100, height: 100, fit: .fill).scaled == square)
    }

    @Test func `a thumbnail never enlarges`() {
        #expect(ResizePlan(landscape, thumbnail: 4096, crops: false).cropped == landscape)
        #expect(ResizePlan(landscape, thumbnail: 4096, crops: true).cropped == landscape)
        #expect(ResizePlan(landscape, thumbnail: 500, crops: true).cropped == PixelSize(width: 500, height: 400))
    }

    @Test func `no side becomes zero, and none overflows`() {
        let line = PixelSize(width: 10_000, height: 1)
        #expect(ResizePlan(line, width: 10, height: nil, fit: .inside).scaled == PixelSize(width: 10, height: 1))
        #expect(ResizePlan(line, width: nil, height: 16384, fit: .inside).scaled.width == 163_840_000)
    }

    @Test func `decoding never shrinks below the target`() {
        let large = PixelSize(width: 6000, height: 4000)
        #expect(ResizePlan.shrinkOnLoad(from: large, to: PixelSize(width: 400, height: 267)) == 8)
        #expect(ResizePlan.shrinkOnLoad(from: large, to: PixelSize(width: 1024, height: 683)) == 4)
        #expect(ResizePlan.shrinkOnLoad(from: large, to: PixelSize(width: 3001, height: 267)) == 1)
        #expect(ResizePlan.shrinkOnLoad(from: large, to: PixelSize(width: 12000, height: 8000)) == 1)
    }
}
