"""What is written below a sheet of augmented faces; apart, since reports do without torch."""

CAPTION = (
    "Each group begins with a face as it was prepared; beside it what augmentation, with mixup "
    "and cutmix where they are asked for, makes of it, before the network's own scaling of values."
)
