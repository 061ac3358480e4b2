"""Visual-inertial odometry: a filter over a trail of past poses, fed by tracks and an IMU."""
