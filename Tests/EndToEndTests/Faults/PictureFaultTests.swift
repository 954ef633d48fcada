import MillraceCore
import MillraceTesting
import Testing

@testable import MillraceApp

extension EndToEnd {
    /// A picture that cannot be read fails its order with a reason, and no other order.
    @Suite struct PictureFaultTests {
        @Test func `pictures that are none`() async throws {
            let photo = try Photo.bytes("rocket.jpg")
            let png = try Photo.bytes("coffee.png")
            let bad: [(id: String, bytes: [UInt8], words: String)] = [
                ("half-jpeg", Array(photo.prefix(photo.count / 2)), "damaged"),
                ("half-png", Array(png.prefix(png.count / 2)), "damaged"),
                ("text", Array("Dear reader,\n".utf8), "not a picture"),
                ("bomb", Bomb.png(like: png, side: 30_000), "30000 × 30000"),
                ("one-byte", [0], "not a picture"),
            ]
            try await FaultSite.with { site, image in
                var orders: [(Order, String)] = []
                for (id, bytes, words) in bad {
                    // By path, too: as a file that is called .jpg whatever is in it.
                    try #require(bytes.count > 0)
                    let reference = try await site.upload(bytes)
                    orders.append((try site.order(id, ["thumbnail", "copy"], image: reference), words))
                }
                let good = try site.order("good", ["thumbnail", "blur"], image: try await site.upload(photo))
                for (order, _) in orders { try await site.submit(order) }
                try await site.submit(good)
                try await site.submit(try site.order("control", ["copy"], image: image))
                for (order, words) in orders {
                    try await site.expectFailure(of: order.id, "thumbnail", saying: words)
                }
                try await site.expectFinished(good.id)
                try await site.expectFinished(try OrderID("control"))
                #expect(try await site.deadLetters().isEmpty)
            }
        }

        @Test func `a text file in the image root that is called jpg`() async throws {
            try await FaultSite.with { site, image in
                try writeFile("no picture", to: site.folder + "/pictures/holiday.jpg")
                let body = #"{"id": "holiday", "image": "holiday.jpg", "tasks": ["thumbnail"]}"#
                let answer = try #require(await site.http.post("/v1/orders", body))
                #expect(answer.status == 202, "\(answer)")
                try await site.expectFailure(of: try OrderID("holiday"), "thumbnail", saying: "not a picture")
                try await site.expectControlFinishes("control", image)
            }
        }
    }
}

/// A small file that says it is a huge picture.
enum Bomb {
    /// The header of a PNG with other sides, and nothing behind it that would fit.
    static func png(like png: [UInt8], side: UInt32) -> [UInt8] {
        var bytes = png
        let side = (0..<4).map { UInt8(truncatingIfNeeded: side >> (24 - 8 * $0)) }
        bytes.replaceSubrange(16..<24, with: side + side)
        bytes.replaceSubrange(29..<33, with: checksum(of: bytes[12..<29]))
        return bytes
    }

    /// The CRC-32 that ends a PNG's chunk.
    private static func checksum(of bytes: some Sequence<UInt8>) -> [UInt8] {
        var sum: UInt32 = .max
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
        }
        return (0..<4).map { UInt8(truncatingIfNeeded: ~sum >> (24 - 8 * $0)) }
    }
}
