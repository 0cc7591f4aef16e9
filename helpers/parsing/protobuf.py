"""A Protocol Buffers message made while the program runs, without a .proto file and protoc.

Plan: describe the message as protoc would (all fields are optional texts that know whether
they are present) and let the real library build the class.

Left out: every other type of field.
"""

from __future__ import annotations

from collections.abc import Iterable


def message_class(fields: Iterable[tuple[str, int]]):
    """Return the class of messages with these fields: (name, number) each, all optional texts.

    A TypeError or ValueError of the library for a name or number it does not take.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="person.proto", syntax="proto3")
    message = file.message_type.add(name="Person")
    for index, (name, number) in enumerate(fields):
        # In proto3 an optional field stands in a oneof of its own: that is what protoc writes.
        message.oneof_decl.add(name=f"_{name}")
        message.field.add(
            name=name,
            number=number,
            type="TYPE_STRING",
            label="LABEL_OPTIONAL",
            proto3_optional=True,
            oneof_index=index,
        )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Person"))
