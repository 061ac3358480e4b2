"""Everything that touches rclpy or a message, but the nodes."""
